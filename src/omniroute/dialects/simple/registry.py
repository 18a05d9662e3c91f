"""Which codecs of simple operations there are."""

from omniroute.dialects.simple.base import Codec
from omniroute.dialects.simple.completions import Completions
from omniroute.dialects.simple.embeddings import Embeddings
from omniroute.dialects.simple.gemini_embeddings import GeminiEmbeddings
from omniroute.dialects.simple.images import UNSIZED, Images
from omniroute.dialects.simple.images_comfyui import ComfyUiImages
from omniroute.dialects.simple.images_hyperbolic import HyperbolicImages
from omniroute.dialects.simple.images_nanobanana import NanoBananaImages
from omniroute.dialects.simple.images_sdwebui import SdWebuiImages
from omniroute.dialects.simple.moderations import Moderations
from omniroute.dialects.simple.ollama_embeddings import OllamaEmbeddings
from omniroute.dialects.simple.rerank import Rerank
from omniroute.dialects.simple.speech import Speech
from omniroute.dialects.simple.transcription import BareTranscription, Transcription
from omniroute.dialects.simple.transcription_assemblyai import AssemblyAiTranscription
from omniroute.dialects.simple.transcription_deepgram import DeepgramTranscription
from omniroute.dialects.simple.transcription_raw import RawTranscription

CODECS: dict[str, Codec] = {
    codec.name: codec
    for codec in (
        Embeddings(),
        GeminiEmbeddings(),
        OllamaEmbeddings(),
        Completions(),
        Moderations(),
        Rerank(),
        Speech(),
        Images(),
        Images("images_unsized", ignored=UNSIZED),
        HyperbolicImages(),
        NanoBananaImages(),
        SdWebuiImages(),
        ComfyUiImages(),
        Transcription(),
        BareTranscription(),
        DeepgramTranscription(),
        AssemblyAiTranscription(),
        RawTranscription(),
    )
}
