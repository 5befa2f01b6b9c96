#!/usr/bin/python3
"""Are these files good ONNX? The checker, with shapes inferred and compared: check_onnx.py FILE.onnx..."""
import sys

import onnx

for path in sys.argv[1:]:
    onnx.checker.check_model(path, full_check=True)
    onnx.shape_inference.infer_shapes(onnx.load(path), strict_mode=True, data_prop=True)
    print(path, "is accepted")
