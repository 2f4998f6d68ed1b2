// What real clients make of a server: argv holds the folder of the packages, the server's URL, and a job as JSON.
import { pathToFileURL } from "node:url";

const [folder, url, text] = process.argv.slice(2);
const job = JSON.parse(text);
const load = (path) => import(pathToFileURL(`${folder}/node_modules/${path}`));
const { Ollama } = await load("ollama/dist/index.mjs");
const { constructLlmApi } = await load("@continuedev/openai-adapters/dist/index.js");
const sides = { model: "any", prompt: job.prefix, suffix: job.suffix, max_tokens: job.most, temperature: 0 };
const results = {};

async function joined(stream, read) {
  let all = "";
  for await (const part of stream) all += read(part) ?? "";
  return all;
}

const ollama = new Ollama({ host: url });
const asked = { model: "any", prompt: job.prefix, suffix: job.suffix, options: { num_predict: job.most, temperature: 0 } };
results["package ollama, whole"] = (await ollama.generate({ ...asked, stream: false })).response;
results["package ollama, stream"] = await joined(await ollama.generate({ ...asked, stream: true }), (part) => part.response);
results["package ollama, template"] = (await ollama.generate({ ...asked, prompt: job.template, suffix: undefined, raw: true, stream: false })).response;
const told = [await ollama.list(), await ollama.show({ model: "any" })];

for (const [provider, base] of [["openai", "/v1/"], ["mistral", "/v1/"], ["deepseek", "/"], ["llama.cpp", "/v1/"], ["ollama", "/"]]) {
  const api = constructLlmApi({ provider, apiKey: "none", apiBase: url + base });
  const abort = new AbortController().signal;
  if (["openai", "mistral", "deepseek"].includes(provider)) {
    results[`${provider}, fim`] = await joined(api.fimStream({ ...sides, stream: true }, abort), (part) => part.choices[0].delta.content);
  }
  if (provider !== "mistral" && provider !== "deepseek") {
    const templated = { ...sides, prompt: job.template, suffix: undefined };
    results[`${provider}, stream`] = await joined(
      api.completionStream({ ...templated, stream: true }, abort), (part) => part.choices[0].text);
    results[`${provider}, whole`] = (await api.completionNonStream({ ...templated, stream: false }, abort)).choices[0].text;
    told.push(await api.list());
  }
}
let refusal = "";
try {
  await constructLlmApi({ provider: "openai", apiKey: "none", apiBase: url + "/v1/" })
    .completionNonStream({ ...sides, n: 99, stream: false }, new AbortController().signal);
} catch (error) {
  refusal = error.message;
}
console.log(JSON.stringify({ results, told, refusal }));
