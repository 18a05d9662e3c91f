// The cells of driver.mjs for the `ai` package, with each of the providers that people point at gateways.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { embedMany, generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";

// It would write them to stdout, among the answers.
globalThis.AI_SDK_LOG_WARNINGS = false;

const QUIET = { maxRetries: 0 };
const HELLO = "hello there";
const told = ({ text, finishReason, usage }) => ({ text, finish: finishReason, output: usage.outputTokens });

function cells(connect, schema) {
  const tools = {
    get_weather: tool({ description: "weather", inputSchema: jsonSchema(schema), execute: async () => "21 degrees" }),
  };
  const rounds = { ...QUIET, tools, stopWhen: stepCountIs(3), prompt: HELLO };
  const called = (steps) =>
    steps.flatMap((step) => step.toolCalls).map((call) => [call.toolCallId, call.toolName, call.input]);
  // Without `onError` it writes every error to stderr; awaiting the text throws it anyway.
  const streamed = async (asked) => {
    let failure;
    const stream = streamText({ ...asked, onError: ({ error }) => { failure = error; } });
    let text = "";
    for await (const piece of stream.textStream) text += piece;
    if (failure) throw failure;
    return { stream, text };
  };

  return {
    connect,
    async plain(provider, { model }) {
      return told(await generateText({ ...QUIET, model: provider(model), prompt: HELLO }));
    },
    async stream(provider, { model }) {
      const { stream, text } = await streamed({ ...QUIET, model: provider(model), prompt: HELLO });
      return told({ text, finishReason: await stream.finishReason, usage: await stream.usage });
    },
    async tools_round(provider, { model }) {
      const { text, steps } = await generateText({ ...rounds, model: provider(model) });
      return { calls: called(steps), text };
    },
    async streamed_tools_round(provider, { model }) {
      const { stream } = await streamed({ ...rounds, model: provider(model) });
      return { calls: called(await stream.steps), text: await stream.text };
    },
    async image(provider, { model, image }) {
      const content = [{ type: "image", image, mediaType: "image/png" }];
      const { text } = await generateText({ ...QUIET, model: provider(model), messages: [{ role: "user", content }] });
      return { text };
    },
    async embeddings(provider, { model }) {
      const { embeddings } = await embedMany({
        ...QUIET, model: provider.textEmbeddingModel(model), values: ["one", "two"],
      });
      return { vectors: embeddings };
    },
  };
}

export const providers = (schema) => ({
  "ai openai-compatible": cells(
    ({ url, key }) => createOpenAICompatible({ name: "gateway", baseURL: `${url}/v1`, apiKey: key, includeUsage: true }),
    schema,
  ),
  "ai openai": cells(({ url, key }) => createOpenAI({ baseURL: `${url}/v1`, apiKey: key }), schema),
  "ai anthropic": cells(({ url, key }) => createAnthropic({ baseURL: `${url}/v1`, apiKey: key }), schema),
  "ai google": cells(({ url, key }) => createGoogleGenerativeAI({ baseURL: `${url}/v1beta`, apiKey: key }), schema),
});
