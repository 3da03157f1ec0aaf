// Lines of JSON in, lines of JSON out: each line is one call by one SDK against a base URL, and what its caller got.
//
//   {"call": "openai.whole", "url": "http://127.0.0.1:8080/v1"}  →  {"text": "...", "finish": "stop"}
//
// The SDKs are used as their documentation shows; their own retries are off, so that every rescue is the gateway's.

import { createInterface } from "node:readline";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, jsonSchema, Output, streamText, tool } from "ai";
import OpenAI from "openai";

const PROMPT = "Count to sixty.";
const ASKED = { model: "gpt-4o", messages: [{ role: "user", content: PROMPT }] };
const CITY = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const WEATHER = {
  type: "object",
  properties: { city: { type: "string" }, degrees: { type: "integer" } },
  required: ["city", "degrees"],
  additionalProperties: false,
};
const FORMAT = { type: "json_schema", json_schema: { name: "weather", strict: true, schema: WEATHER } };
const FUNCTION = { type: "function", function: { name: "get_weather", parameters: CITY } };

const openai = (url) => new OpenAI({ baseURL: url, apiKey: "sk-of-the-caller", maxRetries: 0, timeout: 20_000 });
const asked = (url, more = {}) => ({
  model: createOpenAICompatible({
    name: "switchover",
    baseURL: url,
    apiKey: "sk-of-the-caller",
    includeUsage: true,
    supportsStructuredOutputs: true,
  })("gpt-4o"),
  prompt: PROMPT,
  maxRetries: 0,
  ...more,
});
const tools = { get_weather: tool({ inputSchema: jsonSchema(CITY) }) };

const textOf = ({ choices: [choice] }) => ({ text: choice.message.content, finish: choice.finish_reason });
const callOf = ({ choices: [choice] }) => {
  const [{ function: called }] = choice.message.tool_calls;
  return { tool: called.name, input: JSON.parse(called.arguments) };
};
const toolOf = ([called]) => ({ tool: called.toolName, input: called.input });

// streamText reports what went wrong as a part of the stream, and its promises only that there was no output.
async function drained(stream) {
  for await (const part of stream.fullStream) if (part.type === "error") throw part.error;
  return stream;
}

const CALLS = {
  "openai.whole": async (url) => textOf(await openai(url).chat.completions.create(ASKED)),
  "openai.streamed": async (url) => {
    let text = "";
    let finish = null;
    for await (const { choices: [choice] } of await openai(url).chat.completions.create({ ...ASKED, stream: true })) {
      text += choice.delta.content ?? "";
      finish = choice.finish_reason;
    }
    return { text, finish };
  },
  "openai.tool": async (url) => callOf(await openai(url).chat.completions.create({ ...ASKED, tools: [FUNCTION] })),
  "openai.tool-streamed": async (url) =>
    callOf(await openai(url).chat.completions.stream({ ...ASKED, tools: [FUNCTION] }).finalChatCompletion()),
  "openai.parsed": async (url) => {
    const answer = await openai(url).chat.completions.parse({ ...ASKED, response_format: FORMAT });
    return { parsed: JSON.parse(answer.choices[0].message.content) };
  },
  "ai.whole": async (url) => {
    const { text, finishReason } = await generateText(asked(url));
    return { text, finish: finishReason };
  },
  "ai.streamed": async (url) => {
    const stream = streamText(asked(url, { onError: () => {} }));
    let text = "";
    for await (const part of stream.fullStream) {
      if (part.type === "error") throw part.error;
      if (part.type === "text-delta") text += part.text;
    }
    return { text, finish: await stream.finishReason };
  },
  "ai.tool": async (url) => toolOf((await generateText(asked(url, { tools }))).toolCalls),
  "ai.tool-streamed": async (url) =>
    toolOf(await (await drained(streamText(asked(url, { tools, onError: () => {} })))).toolCalls),
  "ai.parsed": async (url) => {
    const output = Output.object({ schema: jsonSchema(WEATHER) });
    return { parsed: (await generateText(asked(url, { output }))).output };
  },
};

const told = (error) => ({
  error: error.constructor.name,
  status: error.status ?? error.statusCode ?? null,
  code: error.code ?? error.data?.error?.code ?? null,
  message: error.message,
});

for await (const line of createInterface({ input: process.stdin })) {
  const { call, url } = JSON.parse(line);
  const result = await CALLS[call](url).catch(told);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
