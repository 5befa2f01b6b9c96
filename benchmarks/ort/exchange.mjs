// ONNX Runtime's part of --exchange (paddle_inference_eval, test_seg): node exchange.mjs MODEL.onnx FOLDER runs the model on
// each FOLDER/N/in_I.raw and writes out_I.raw beside it. Inputs must have fixed sizes. In a folder with a copy of our package.json
// and package-lock.json where `npm ci --ignore-scripts` was done. Prints how many runs.
import fs from 'node:fs';
import { createRequire } from 'node:module';

const ort = createRequire(`${process.cwd()}/`)('onnxruntime-node');
const [, , model, folder] = process.argv;
const session = await ort.InferenceSession.create(model, {
  intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3,
  // Without VNNI its u8 x s8 products saturate at 16 bits unless it is told not to let them.
  extra: { session: { x64quantprecision: '1' } },
});
const arrays = { float32: Float32Array, int32: Int32Array, int64: BigInt64Array, bool: Uint8Array };
let runs = 0;
for (const name of fs.readdirSync(folder)) {
  const feeds = {};
  for (const [i, input] of session.inputMetadata.entries()) {
    const bytes = fs.readFileSync(`${folder}/${name}/in_${i}.raw`);
    const values = new arrays[input.type](bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    feeds[input.name] = new ort.Tensor(input.type, values, input.shape);
  }
  const results = await session.run(feeds);
  for (const [i, output] of session.outputNames.entries()) {
    const { buffer, byteOffset, byteLength } = results[output].data;
    fs.writeFileSync(`${folder}/${name}/out_${i}.raw`, Buffer.from(buffer, byteOffset, byteLength));
  }
  ++runs;
}
console.log(`${runs} runs`);
