// octet-run's twin on ONNX Runtime: node run.mjs MODEL.onnx OUTPUT_DIR NAME=INPUT.npy... Needs `npm ci --ignore-scripts`.
import fs from 'node:fs';
import ort from 'onnxruntime-node';

import { read, write } from './npy.mjs';

const [, , model, folder, ...inputs] = process.argv;
// Without VNNI its u8 x s8 products saturate at 16 bits, unless told not to.
const exact = fs.readFileSync('/proc/cpuinfo', 'latin1').includes('vnni');
const create = (graphOptimizationLevel) => ort.InferenceSession.create(model, {
  intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 4, graphOptimizationLevel,
  ...(exact ? {} : { extra: { session: { x64quantprecision: '1' } } }),
});
// So told, its optimiser fails on some quantised graphs, which it then computes in float as they are written.
const session = await create(process.env.ORT_LEVEL ?? 'all').catch(() => create('disabled'));
const feeds = {};
for (const input of inputs) {
  const equals = input.lastIndexOf('=');
  feeds[input.slice(0, equals)] = read(ort, input.slice(equals + 1));
}
const results = await session.run(feeds);
fs.mkdirSync(folder, { recursive: true });
for (const [i, name] of session.outputNames.entries()) write(`${folder}/${i}.npy`, results[name]);
