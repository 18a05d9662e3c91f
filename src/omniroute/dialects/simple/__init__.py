"""Operations of one question and one answer: embeddings, images, audio, rerank, moderations, completions."""
