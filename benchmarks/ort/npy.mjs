// NumPy files as ONNX Runtime's tensors.
import fs from 'node:fs';

const kTypes = {
  '<f4': ['float32', Float32Array], '<i4': ['int32', Int32Array], '<i8': ['int64', BigInt64Array],
  '|u1': ['uint8', Uint8Array], '|i1': ['int8', Int8Array], '|b1': ['bool', Uint8Array],
};

export function read(ort, path) {
  const file = fs.readFileSync(path);
  const begin = 10 + file.readUInt16LE(8);
  const header = file.toString('latin1', 10, begin);
  const [type, Values] = kTypes[header.match(/'descr': '([^']+)'/)[1]];
  const shape = header.match(/'shape': \(([^)]*)\)/)[1].split(',').map((d) => d.trim()).filter(Boolean).map(Number);
  return new ort.Tensor(type, new Values(file.buffer.slice(file.byteOffset + begin, file.byteOffset + file.length)), shape);
}

export function write(path, tensor) {
  const descr = Object.keys(kTypes).find((k) => kTypes[k][0] === tensor.type);
  const shape = tensor.dims.join(', ') + (tensor.dims.length === 1 ? ',' : '');
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }`;
  const header = Buffer.from('\x93NUMPY\x01\0\0\0' + text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11) + '\n', 'latin1');
  header.writeUInt16LE(header.length - 10, 8);
  fs.writeFileSync(path, Buffer.concat([header, Buffer.from(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength)]));
}
