// What llama.cpp makes of a GGUF file: argv holds node-llama-cpp's folder, a file with a job as JSON,
// and the file for the results.
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const { getLlama } = await import(pathToFileURL(`${process.argv[2]}/node_modules/node-llama-cpp/dist/index.js`));
const job = JSON.parse(readFileSync(process.argv[3], "utf8"));
const llama = await getLlama({ gpu: false, build: "never", skipDownload: true, logLevel: "error", maxThreads: 1 });
const model = await llama.loadModel({ modelPath: job.model, gpuLayers: 0 });
const context = await model.createContext({
  contextSize: job.context, flashAttention: false, threads: 1,
  experimentalKvCacheKeyType: "F32", experimentalKvCacheValueType: "F32",
});
const sequence = context.getSequence();
const wanted = { generateNext: { probabilities: true, options: { temperature: 1, topK: 0, topP: 1, minP: 0 } } };

// The probabilities, by id, after each of `ids` from number `from` on.
async function evaluate(ids, from) {
  const results = await sequence.controlledEvaluate(ids.map((id, n) => (n < from ? id : [id, wanted])));
  return results.slice(from).map((result) => {
    const row = new Array(job.rows).fill(0);
    for (const [id, probability] of result.next.probabilities) row[id] = probability;
    return row;
  });
}

const results = { generated: [], probabilities: [], tokens: [], texts: [] };
for (const prompt of job.prompts) {
  await sequence.clearHistory();
  const generated = [];
  let added = prompt;
  while (generated.length < job.count) {
    const [row] = await evaluate(added, added.length - 1);
    added = [row.indexOf(Math.max(...row))];
    generated.push(...added);
  }
  results.generated.push(generated);
}
for (const [ids, from] of job.forced) {
  await sequence.clearHistory();
  results.probabilities.push(await evaluate(ids, from));
}
for (const text of job.texts) {
  const ids = model.tokenize(text, false);
  results.tokens.push(ids);
  results.texts.push(model.detokenize(ids, true));
}
writeFileSync(process.argv[4], JSON.stringify(results));
process.exit(0);
