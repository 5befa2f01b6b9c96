// ONNX Runtime of the folder that we run in (`npm ci --ignore-scripts` beside a copy of our package.json), and inputs for a session.
import { createRequire } from 'node:module';

export const ort = createRequire(`${process.cwd()}/`)('onnxruntime-node');

const arrays = { float32: Float32Array, uint8: Uint8Array, int8: Int8Array, int32: Int32Array };

// Values that repeat after 255: pictures from 0 to 1, or 0 to 254 in integers. `shapes`: NAME=1,3,H,W of inputs with open sizes.
export function feeds(session, shapes) {
  const given = new Map(shapes.map((s) => [s.slice(0, s.lastIndexOf('=')), s.slice(s.lastIndexOf('=') + 1).split(',').map(Number)]));
  const made = {};
  for (const input of session.inputMetadata) {
    const shape = given.get(input.name) ?? input.shape.map((d) => (typeof d === 'number' && d > 0 ? d : 1));
    const count = shape.reduce((a, b) => a * b, 1);
    const value = (i) => ((i * 7919) % 255) / (input.type === 'float32' ? 255 : 1);
    const data = input.type === 'int64' ? BigInt64Array.from({ length: count }, () => 1n)
      : arrays[input.type].from({ length: count }, (_, i) => value(i));
    made[input.name] = new ort.Tensor(input.type, data, shape);
  }
  return made;
}
