// llama.cpp as node-llama-cpp brings it: argv holds that package's folder, a GGUF file, the context and the threads.
// A line of JSON asks, {ids, count, typed}, and one answers, milliseconds: of the prompt with its first token, of each
// token behind it, and of the typed ids with the token behind them.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [folder, modelPath, contextSize, threads] = process.argv.slice(2);
const { getLlama } = await import(pathToFileURL(`${folder}/node_modules/node-llama-cpp/dist/index.js`));
const llama = await getLlama({ gpu: false, build: "never", skipDownload: true, logLevel: "error", maxThreads: +threads });
const model = await llama.loadModel({ modelPath, gpuLayers: 0 });
const context = await model.createContext({ contextSize: +contextSize, batchSize: 512, threads: +threads });
const sequence = context.getSequence();

async function timed(act) {
  const began = performance.now();
  const value = await act();
  return [performance.now() - began, value];
}

for await (const line of createInterface({ input: process.stdin })) {
  const { ids, count, typed } = JSON.parse(line);
  await sequence.clearHistory();
  const tokens = sequence.evaluate(ids, { temperature: 0, yieldEogToken: true });
  const [first] = await timed(() => tokens.next());
  const each = [];
  for (let n = 0; n < count; n++) each.push((await timed(() => tokens.next()))[0]);
  await tokens.return();
  const keys = [];
  for (let n = 0; n < 3; n++) {
    await sequence.eraseContextTokenRanges([{ start: ids.length, end: sequence.nextTokenIndex }]);
    const more = sequence.evaluate(typed, { temperature: 0, yieldEogToken: true });
    keys.push((await timed(() => more.next()))[0]);
    await more.return();
  }
  console.log(JSON.stringify({ first, each, keys }));
}
process.exit(0);
