// ONNX Runtime's part of compare_ops.py: node run_all.mjs FOLDER runs each FOLDER/N/model.onnx on FOLDER/N/NAME.npy and writes
// FOLDER/N/ort/I.npy; where it cannot, it writes nothing. In a folder where `npm ci --ignore-scripts` was done.
import fs from 'node:fs';
import { createRequire } from 'node:module';

import { read, write } from './npy.mjs';

const ort = createRequire(`${process.cwd()}/`)('onnxruntime-node');
const [, , folder] = process.argv;
for (const name of fs.readdirSync(folder)) {
  const one = `${folder}/${name}`;
  try {
    const session = await ort.InferenceSession.create(`${one}/model.onnx`, { intraOpNumThreads: 1, logSeverityLevel: 4 });
    const feeds = Object.fromEntries(session.inputNames.map((input) => [input, read(ort, `${one}/${input}.npy`)]));
    const results = await session.run(feeds);
    fs.mkdirSync(`${one}/ort`);
    for (const [i, output] of session.outputNames.entries()) write(`${one}/ort/${i}.npy`, results[output]);
    await session.release();
  } catch (e) {
    fs.writeFileSync(`${one}/ort.txt`, String(e));
  }
}
