// llama.cpp as node-llama-cpp brings it, behind a socket: argv holds that package's folder, a GGUF file, the context of
// one user, the users, the threads, the tokens of a batch, and whether flash attention is on. Each user has a
// connection, and a sequence with a context of its own, of which the common beginning is kept from request to request;
// what runs at once shares batches. A line of JSON asks, {id, ids, most, stops}; each token is answered by a line
// `id token`, the end by `id -1`. A newer request of the user ends the older one before its next token, and so does
// {id, cancel: true}.
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [folder, modelPath, contextSize, sequences, threads, batchSize, flash] = process.argv.slice(2);
const { getLlama } = await import(pathToFileURL(`${folder}/node_modules/node-llama-cpp/dist/index.js`));
const llama = await getLlama({ gpu: false, build: "never", skipDownload: true, logLevel: "error", maxThreads: +threads });
const model = await llama.loadModel({ modelPath, gpuLayers: 0 });
const context = await model.createContext({
  contextSize: +contextSize, sequences: +sequences, batchSize: +batchSize, threads: +threads, flashAttention: flash === "1",
});
const free = Array.from({ length: +sequences }, () => context.getSequence());

async function generate(sequence, asked, isWanted, tell) {
  await sequence.adaptStateToTokens(asked.ids, false);
  if (sequence.nextTokenIndex >= asked.ids.length)
    await sequence.eraseContextTokenRanges([{ start: asked.ids.length - 1, end: sequence.nextTokenIndex }]);
  if (!isWanted()) return;
  const stops = new Set(asked.stops ? newlines : []);
  const tokens = sequence.evaluate(asked.ids.slice(sequence.nextTokenIndex), { temperature: 0, yieldEogToken: true });
  let count = 0;
  for await (const token of tokens) {
    if (!isWanted() || model.isEogToken(token)) break;
    tell(token);
    if (stops.has(token) || ++count >= asked.most) break;
  }
}

let newlines = [];
const server = createServer((socket) => {
  const sequence = free.pop();
  let newest = -1, running = Promise.resolve();
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  socket.on("close", () => { newest = -1; running.then(() => free.push(sequence)); });
  createInterface({ input: socket }).on("line", (line) => {
    const asked = JSON.parse(line);
    if (asked.newlines) { newlines = asked.newlines; return; }
    if (asked.cancel) { if (newest === asked.id) newest = -1; return; }
    newest = asked.id;
    running = running.then(async () => {
      const isWanted = () => newest === asked.id;
      try {
        if (isWanted()) await generate(sequence, asked, isWanted, (token) => socket.write(`${asked.id} ${token}\n`));
      } catch (error) {
        console.error(String(error));
        socket.write(`${asked.id} -2\n`);
      }
      socket.write(`${asked.id} -1\n`);
    });
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
