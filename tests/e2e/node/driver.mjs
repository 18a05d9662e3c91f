// Runs one SDK call for each line of JSON on stdin and answers with a line of JSON on stdout:
// {"sdk", "url", "key", "model", "cell", ...} -> {"ok": ...} or {"error": {"name", "status", "message", "retryAfter"}}.
import { createInterface } from "node:readline";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";
import { providers } from "./ai.mjs";

const HELLO = [{ role: "user", content: "hello there" }];
const SCHEMA = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer" } },
  required: ["city", "days"],
};

const openai = {
  connect: ({ url, key }) => new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0, timeout: 20_000 }),
  tools: [{ type: "function", function: { name: "get_weather", description: "weather", parameters: SCHEMA } }],

  async plain(client, { model }) {
    const answer = await client.chat.completions.create({ model, messages: HELLO });
    const [choice] = answer.choices;
    return { text: choice.message.content, finish: choice.finish_reason, output: answer.usage.completion_tokens };
  },
  async stream(client, { model }) {
    const stream = await client.chat.completions.create({
      model, messages: HELLO, stream: true, stream_options: { include_usage: true },
    });
    let text = "", finish = null, output = null;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      finish = chunk.choices[0]?.finish_reason ?? finish;
      output = chunk.usage?.completion_tokens ?? output;
    }
    return { text, finish, output };
  },
  async tools_round(client, { model }) {
    const stream = client.chat.completions.stream({ model, messages: HELLO, tools: this.tools });
    const { message } = (await stream.finalChatCompletion()).choices[0];
    const results = message.tool_calls.map((call) => ({ role: "tool", tool_call_id: call.id, content: "21 degrees" }));
    const last = await client.chat.completions.create({
      model, messages: [...HELLO, message, ...results], tools: this.tools,
    });
    const calls = message.tool_calls.map((call) => [call.id, call.function.name, JSON.parse(call.function.arguments)]);
    return { calls, text: last.choices[0].message.content };
  },
  async image(client, { model, image }) {
    const content = [{ type: "image_url", image_url: { url: `data:image/png;base64,${image}` } }];
    const answer = await client.chat.completions.create({ model, messages: [{ role: "user", content }] });
    return { text: answer.choices[0].message.content };
  },
  async thinking(client, { model }) {
    const answer = await client.chat.completions.create({
      model, messages: HELLO, reasoning_effort: "low", max_completion_tokens: 8000,
    });
    const { message } = answer.choices[0];
    return { thought: message.reasoning_content, text: message.content };
  },
  async embeddings(client, { model }) {
    const { data } = await client.embeddings.create({ model, input: ["one", "two"] });
    return { vectors: data.map((one) => one.embedding) };
  },
};

const anthropic = {
  connect: ({ url, key }) => new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0, timeout: 20_000 }),
  tools: [{ name: "get_weather", description: "weather", input_schema: SCHEMA }],

  async plain(client, { model }) {
    const answer = await client.messages.create({ model, max_tokens: 100, messages: HELLO });
    return { text: answer.content[0].text, finish: answer.stop_reason, output: answer.usage.output_tokens };
  },
  async stream(client, { model }) {
    const stream = client.messages.stream({ model, max_tokens: 100, messages: HELLO });
    let text = "";
    stream.on("text", (piece) => { text += piece; });
    const final = await stream.finalMessage();
    return { text, finish: final.stop_reason, output: final.usage.output_tokens };
  },
  async tools_round(client, { model }) {
    const stream = client.messages.stream({ model, max_tokens: 1000, messages: HELLO, tools: this.tools });
    const { content } = await stream.finalMessage();
    const uses = content.filter((block) => block.type === "tool_use");
    const results = uses.map((use) => ({ type: "tool_result", tool_use_id: use.id, content: "21 degrees" }));
    const messages = [...HELLO, { role: "assistant", content }, { role: "user", content: results }];
    const last = await client.messages.create({ model, max_tokens: 1000, messages, tools: this.tools });
    return { calls: uses.map((use) => [use.id, use.name, use.input]), text: last.content[0].text };
  },
  async image(client, { model, image }) {
    const source = { type: "base64", media_type: "image/png", data: image };
    const messages = [{ role: "user", content: [{ type: "image", source }] }];
    const answer = await client.messages.create({ model, max_tokens: 100, messages });
    return { text: answer.content[0].text };
  },
  async thinking(client, { model }) {
    const answer = await client.messages.create({
      model, max_tokens: 8000, messages: HELLO, thinking: { type: "enabled", budget_tokens: 2000 },
    });
    return { thought: answer.content[0].thinking, text: answer.content[1].text };
  },
};

const gemini = {
  connect: ({ url, key }) => new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: url, timeout: 20_000 } }),
  tools: [{ functionDeclarations: [{ name: "get_weather", description: "weather", parametersJsonSchema: SCHEMA }] }],
  spent: ({ candidatesTokenCount = 0, thoughtsTokenCount = 0 }) => candidatesTokenCount + thoughtsTokenCount,

  async plain(client, { model }) {
    const answer = await client.models.generateContent({ model, contents: "hello there" });
    return { text: answer.text, finish: answer.candidates[0].finishReason, output: this.spent(answer.usageMetadata) };
  },
  async stream(client, { model }) {
    let text = "", finish = null, output = null;
    for await (const chunk of await client.models.generateContentStream({ model, contents: "hello there" })) {
      text += chunk.text ?? "";
      finish = chunk.candidates?.[0]?.finishReason ?? finish;
      output = chunk.usageMetadata ? this.spent(chunk.usageMetadata) : output;
    }
    return { text, finish, output };
  },
  async tools_round(client, { model }) {
    const config = { tools: this.tools };
    const question = { role: "user", parts: [{ text: "hello there" }] };
    const parts = [];
    for await (const chunk of await client.models.generateContentStream({ model, contents: [question], config })) {
      parts.push(...(chunk.candidates?.[0]?.content?.parts ?? []).filter((part) => part.functionCall || part.text));
    }
    const calls = parts.flatMap((part) => part.functionCall ?? []);
    const results = calls.map(({ id, name }) => ({ functionResponse: { id, name, response: { output: "21 degrees" } } }));
    const contents = [question, { role: "model", parts }, { role: "user", parts: results }];
    const last = await client.models.generateContent({ model, contents, config });
    return { calls: calls.map((call) => [call.id, call.name, call.args]), text: last.text };
  },
  async image(client, { model, image }) {
    const contents = [{ role: "user", parts: [{ inlineData: { mimeType: "image/png", data: image } }] }];
    return { text: (await client.models.generateContent({ model, contents })).text };
  },
  async thinking(client, { model }) {
    const config = { maxOutputTokens: 8000, thinkingConfig: { includeThoughts: true, thinkingBudget: 2000 } };
    const answer = await client.models.generateContent({ model, contents: "hello there", config });
    const { parts } = answer.candidates[0].content;
    return { thought: parts.filter((part) => part.thought).map((part) => part.text).join(""), text: answer.text };
  },
  async models(client) {
    const ids = [];
    for await (const model of await client.models.list()) ids.push(model.name.replace(/^models\//, ""));
    return { ids };
  },
  async embeddings(client, { model }) {
    const { embeddings } = await client.models.embedContent({ model, contents: ["one", "two"] });
    return { vectors: embeddings.map((one) => one.values) };
  },
  async count_tokens(client, { model }) {
    const { totalTokens } = await client.models.countTokens({ model, contents: "hello there" });
    return { tokens: totalTokens };
  },
};

async function models(client) {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  return { ids };
}

const sdks = {
  openai: { models, ...openai },
  anthropic: {
    models,
    ...anthropic,
    async count_tokens(client, { model }) {
      return { tokens: (await client.messages.countTokens({ model, messages: HELLO })).input_tokens };
    },
  },
  gemini,
  ...providers(SCHEMA),
};

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  const sdk = sdks[order.sdk];
  let answer;
  try {
    const client = sdk.connect(order);
    answer = { ok: await sdk[order.cell](client, order) };
  } catch (error) {
    const { name } = error.constructor;
    answer = {
      error: {
        name,
        status: error.status ?? error.statusCode ?? null,
        message: error.message,
        retryAfter: error.headers?.get?.("retry-after") ?? error.responseHeaders?.["retry-after"] ?? null,
      },
    };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
