#!/usr/bin/python3
"""Detectors and segmenters made of transformers, for import, equality with ONNX Runtime, and speed: structure as published,
weights seeded noise. Writes rtdetr_r18.onnx, rtdetr_r50.onnx and segformer_b0.onnx. Needs python3-onnx."""
import argparse
import pathlib

import rtdetr
import segformer

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("folder", type=pathlib.Path, help="where the models go; made where it is missing")
folder = parser.parse_args().folder
folder.mkdir(parents=True, exist_ok=True)
rtdetr.build(folder / "rtdetr_r18.onnx", 18)
rtdetr.build(folder / "rtdetr_r50.onnx", 50)
segformer.build(folder / "segformer_b0.onnx")
