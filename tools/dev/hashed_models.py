"""The models that output_hashes runs: where they lie, how they become .octet files, and what their inputs look like."""
from typing import NamedTuple


class Model(NamedTuple):
    name: str
    path: str            # below the folder of models
    arch: str = ""       # preset of `quantize`; empty: the model was quantised elsewhere, `convert` makes it int8
    size: tuple = ()     # height and width where the model leaves them open
    pixels: str = "unit"  # how bytes become floats: see picture_input
    precisions: tuple = ("float", "int8")


INT8 = ("int8",)
MODELS = [
    Model("deimv2_atto", "onnx/deimv2_hgnetv2_atto_coco.onnx", "DETR"),
    Model("picodet_s", "onnx/picodet_s_320_coco.onnx", "PicoDet", pixels="normal"),
    Model("picodet_s_raw", "onnx/picodet_s_320_coco_unsim_bn.onnx", "PicoDet", (320, 320), "normal"),
    Model("picodet_xs", "onnx/picodet_xs_320_coco_lcnet.onnx", "PicoDet", pixels="normal"),
    Model("ppocr_cls_onnx", "onnx/ppocr_cls.onnx", "seg", (48, 192), "signed"),
    Model("ppocrv3_det_onnx", "onnx/ppocrv3_det.onnx", "seg", (160, 192), "signed"),
    Model("ssd_mobilenet_nms", "onnx/ssd_mobilenet_v1_075_coco_300_float_nms.onnx", "SSD", pixels="signed"),
    Model("ssd_mobilenet_qdq", "onnx/ssd_mobilenet_v1_075_coco_300_qdq.onnx", pixels="signed", precisions=INT8),
    Model("st_ssd_fpnlite_qdq", "onnx/st_ssd_mbv2_fpnlite_q.onnx", pixels="raw", precisions=INT8),
    Model("mobilenet_v2_qdq", "onnx/tf2_mobilenet_v2_1.0_224_ptq_qdq.onnx", pixels="signed", precisions=INT8),
    Model("yolov5n", "onnx/yolov5n_640.onnx", "YOLOv5"),
    Model("yolov6lite_m", "onnx/yolov6lite_m_320.onnx", "YOLOv6"),
    Model("yolov8n_qdq", "onnx/yolov8n_320_qdq_static_ampher.onnx", precisions=INT8),
    Model("yolov8n_dynamic_int8", "onnx/yolov8n_640_dynint8_lamri.onnx", "YOLOv8"),
    Model("yolox_nano", "onnx/yolox_nano.onnx", "YOLOX", pixels="raw"),
    Model("deeplab_257", "seg/deeplab_v3_1_default_1.onnx", "seg", pixels="signed"),
    Model("deeplab_pascal", "seg/deeplabv3_mnv2_pascal_float.onnx", "seg", pixels="signed"),
    Model("deeplab_pascal_qdq", "seg/deeplabv3_mnv2_pascal_qdq.onnx", pixels="signed", precisions=INT8),
    Model("espnet", "seg/espnet_camvid_480x360.onnx", "seg", pixels="normal"),
    Model("ppseg", "seg/ppseg_onnx_triton.onnx", "seg", (192, 192), "signed"),
    Model("selfie", "seg/selfie_mlkit_256.onnx", "seg"),
    Model("sinet", "seg/sinet_softmax.onnx", "seg", pixels="normal"),
    Model("blazeface", "paddle/blazeface", "BlazeFace", (320, 320), "signed"),
    Model("liteseg", "paddle/pp_liteseg_t_camvid", "seg", (96, 128), "signed"),
    Model("liteseg_logits", "paddle/pp_liteseg_t_camvid/model_logits.pdmodel", "seg", (96, 128), "signed"),
    Model("liteseg_quant", "paddle/pp_liteseg_t_camvid_quant", size=(96, 128), pixels="signed", precisions=INT8),
    Model("liteseg_quant_logits", "paddle/pp_liteseg_t_camvid_quant/model_logits.pdmodel", size=(96, 128),
          pixels="signed", precisions=INT8),
    Model("ppocr_cls", "paddle/ppocr_cls", "seg", (48, 192), "signed"),
    Model("ppocr_cls_qat", "paddle/ppocr_cls_qat", size=(48, 192), pixels="signed", precisions=INT8),
    Model("ppocrv3_det", "paddle/ppocrv3_det", "seg", (160, 192), "signed"),
    Model("ppocrv3_det_qat", "paddle/ppocrv3_det_qat", size=(160, 192), pixels="signed", precisions=INT8),
    Model("ppyolo_tiny", "paddle/ppyolo_tiny_4class", "PPYOLO", (320, 320), "normal"),
    Model("seeded_picodet_v2", "graphs/picodet_v2_s_nms.pdmodel", "PicoDet", (320, 320), "normal"),
    Model("seeded_liteseg_b", "graphs/pp_liteseg_b_stdc2_cityscapes.pdmodel", "seg", (64, 96), "signed"),
    Model("seeded_liteseg_t", "graphs/pp_liteseg_t_stdc1_argmax.pdmodel", "seg", (64, 96), "signed"),
    Model("seeded_ocr_rec_qat", "graphs/ppocrv3_rec_qat.pdmodel", size=(48, 160), pixels="signed", precisions=INT8),
    Model("seeded_ppyoloe", "graphs/ppyoloe_plus_nms.pdmodel", "PPYOLOE+", (640, 640), "unit"),
    Model("textline_pir", "pir/PP-LCNet_x0_25_textline_ori", "seg", (80, 160), "signed"),
]


def convert_arguments(model, precision, data):
    """octet-convert's command and options, without the model and the output."""
    arguments = ["convert"]
    if precision == "int8" and model.arch:
        pictures = data / ("camvid_calib" if model.arch == "seg" else "coco_calib128") / "images"
        arguments = ["quantize", "--arch", model.arch, "--data", str(pictures), "--images", "4", "--worst", "0",
                     "--threads", "2"]
        if model.size:
            arguments += ["--target_size", str(model.size[1]), str(model.size[0])]
    return arguments
