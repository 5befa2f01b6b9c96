#!/usr/bin/python3
"""Detectors and segmenters made of transformers, for import, equality with ONNX Runtime, and speed: structure as published,
weights seeded noise. Usage: build.py FOLDER writes rtdetr_r18.onnx, rtdetr_r50.onnx and segformer_b0.onnx. Needs python3-onnx."""
import pathlib
import sys

import rtdetr
import segformer

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
rtdetr.build(folder / "rtdetr_r18.onnx", 18)
rtdetr.build(folder / "rtdetr_r50.onnx", 50)
segformer.build(folder / "segformer_b0.onnx")
