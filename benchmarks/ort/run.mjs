// octet-run's twin on ONNX Runtime: node run.mjs MODEL.onnx OUTPUT_DIR NAME=INPUT.npy... Needs `npm ci --ignore-scripts`.
import fs from 'node:fs';
import ort from 'onnxruntime-node';

const kTypes = {
  '<f4': ['float32', Float32Array], '<i4': ['int32', Int32Array], '<i8': ['int64', BigInt64Array],
  '|u1': ['uint8', Uint8Array], '|i1': ['int8', Int8Array], '|b1': ['bool', Uint8Array],
};

function read(path) {
  const file = fs.readFileSync(path);
  const begin = 10 + file.readUInt16LE(8);
  const header = file.toString('latin1', 10, begin);
  const [type, Values] = kTypes[header.match(/'descr': '([^']+)'/)[1]];
  const shape = header.match(/'shape': \(([^)]*)\)/)[1].split(',').map((d) => d.trim()).filter(Boolean).map(Number);
  return new ort.Tensor(type, new Values(file.buffer.slice(file.byteOffset + begin, file.byteOffset + file.length)), shape);
}

function write(path, tensor) {
  const descr = Object.keys(kTypes).find((k) => kTypes[k][0] === tensor.type);
  const shape = tensor.dims.join(', ') + (tensor.dims.length === 1 ? ',' : '');
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }`;
  const header = Buffer.from('\x93NUMPY\x01\0\0\0' + text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11) + '\n', 'latin1');
  header.writeUInt16LE(header.length - 10, 8);
  fs.writeFileSync(path, Buffer.concat([header, Buffer.from(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength)]));
}

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
  feeds[input.slice(0, equals)] = read(input.slice(equals + 1));
}
const results = await session.run(feeds);
fs.mkdirSync(folder, { recursive: true });
for (const [i, name] of session.outputNames.entries()) write(`${folder}/${i}.npy`, results[name]);
