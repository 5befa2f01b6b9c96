// The table of families.
#include "vision/arch.h"

#include <algorithm>
#include <cctype>

namespace octet::vision {
namespace {

constexpr std::array<float, 3> kImageNetMean{.485f, .456f, .406f}, kImageNetStd{.229f, .224f, .225f};
constexpr int kCubic = 2;

constexpr Preprocess kLetterboxed{};
constexpr Preprocess kImageNet{.resize = Resize::kStretch, .mean = kImageNetMean, .std = kImageNetStd};
constexpr Preprocess kCubicImageNet{
    .resize = Resize::kStretch, .interpolation = kCubic, .mean = kImageNetMean, .std = kImageNetStd};
constexpr Preprocess kStretched{.resize = Resize::kStretch};
constexpr Preprocess kCubicStretched{.resize = Resize::kStretch, .interpolation = kCubic};
constexpr Preprocess kBytes{.resize = Resize::kLetterboxTopLeft, .channels = Channels::kBgr, .scale = 1};
constexpr Preprocess kBgrImageNet{.resize = Resize::kStretch,
                                  .channels = Channels::kBgr,
                                  .scale = 1,
                                  .mean = {103.53f, 116.28f, 123.675f},
                                  .std = {57.375f, 57.12f, 58.395f}};
constexpr Preprocess kHalfBytes{
    .resize = Resize::kStretch, .scale = 1, .mean = {128, 128, 128}, .std = {128, 128, 128}};

constexpr Preprocess kCropped{.resize = Resize::kCrop};
constexpr Preprocess kBgrStretched{.resize = Resize::kStretch, .channels = Channels::kBgr};
constexpr Preprocess kScrfd{.resize = Resize::kLetterboxTopLeft,
                            .pad = 0,
                            .scale = 1,
                            .mean = {127.5f, 127.5f, 127.5f},
                            .std = {128, 128, 128}};
constexpr Preprocess kRetina{
    .resize = Resize::kLetterboxTopLeft, .pad = 0, .channels = Channels::kBgr, .scale = 1, .mean = {104, 117, 123}};
constexpr Preprocess kBlackBytes{.resize = Resize::kLetterboxTopLeft, .pad = 0, .channels = Channels::kBgr, .scale = 1};
constexpr Preprocess kUltra{.resize = Resize::kStretch, .scale = 1, .mean = {127, 127, 127}, .std = {128, 128, 128}};

constexpr Preprocess kFaces{
    .resize = Resize::kStretch, .scale = 1, .mean = {123, 117, 104}, .std = {127.502231f, 127.502231f, 127.502231f}};

constexpr DetectionOptions kYolo{.max_detections = 300};
constexpr DetectionOptions kYoloX{};
constexpr DetectionOptions kYolo8{.nms_iou = .7f, .max_detections = 300};
constexpr DetectionOptions kPicoDet{.score_threshold = .025f, .nms_iou = .6f};
constexpr DetectionOptions kPpYoloe{
    .score_threshold = .01f, .nms_iou = .6f, .iou_epsilon = 1e-5f, .class_candidates = 200, .max_detections = 300};
constexpr DetectionOptions kSsd{.score_threshold = .01f, .nms_iou = .6f};
constexpr DetectionOptions kRotatedBoxes{.nms_iou = .7f, .max_detections = 300, .rotated = true};
constexpr DetectionOptions kFaceOptions{.score_threshold = .02f, .nms_iou = .4f, .max_detections = 750};
constexpr DetectionOptions kYuNet{.score_threshold = .02f, .nms_iou = .3f, .max_detections = 750};
constexpr DetectionOptions kUltraFace{.score_threshold = .02f, .nms_iou = .5f, .max_detections = 750};
constexpr DetectionOptions kFastestDet{.nms_iou = .45f, .multi_label = false};
constexpr DetectionOptions kAll{.score_threshold = 0};

constexpr Arch kRows[] = {
    {"YOLOv5", kLetterboxed, Decoder::kYolo5, kYolo},
    {"YOLOv6", kLetterboxed, Decoder::kYolo5, kYolo},
    {"YOLOv7", kLetterboxed, Decoder::kYolo5, kYolo},
    {"YOLOv8", kLetterboxed, Decoder::kYolo8, kYolo8},
    {"YOLOv10", kLetterboxed, Decoder::kYolo8, kYolo8},
    {"YOLO11", kLetterboxed, Decoder::kYolo8, kYolo8},
    {"YOLO26", kLetterboxed, Decoder::kYolo8, kYolo8},
    {"YOLOv8-pose", kLetterboxed, Decoder::kPose, kYolo8},
    {"YOLOv8-obb", kLetterboxed, Decoder::kRotated, kRotatedBoxes},
    {"YOLOv8-cls", kCropped, Decoder::kClasses, kAll},
    {"YOLOX", kBytes, Decoder::kYoloX, kYoloX},
    {"PicoDet", kImageNet, Decoder::kGfl, kPicoDet},
    {"NanoDet", kBgrImageNet, Decoder::kNanoDet, kPicoDet},
    {"PPYOLOE", kCubicImageNet, Decoder::kCorners, kPpYoloe},
    {"PPYOLOE+", kCubicStretched, Decoder::kCorners, kPpYoloe},
    {"PPYOLO", kCubicImageNet, Decoder::kRows, kAll},
    {"BlazeFace", kFaces, Decoder::kRelativeRows, kAll},
    {"SSD", kHalfBytes, Decoder::kSsd, kSsd},
    {"SSD-corners", kHalfBytes, Decoder::kSsdCorners, kSsd},
    {"DETR", kStretched, Decoder::kDetr, kAll},
    {"RT-DETR", kStretched, Decoder::kDetr, kAll},
    {"RF-DETR", kImageNet, Decoder::kDetr, kAll},
    {"FastestDet", kBgrStretched, Decoder::kFastestDet, kFastestDet},
    {"SCRFD", kScrfd, Decoder::kScrfd, kFaceOptions},
    {"RetinaFace", kRetina, Decoder::kRetinaFace, kFaceOptions},
    {"YuNet", kBlackBytes, Decoder::kYuNet, kYuNet},
    {"UltraFace", kUltra, Decoder::kUltraFace, kUltraFace},
    {"YOLO5Face", kLetterboxed, Decoder::kYolo5Face, kUltraFace},
};

std::string key_of(std::string_view name) {
  std::string key;
  for (const char c : name)
    if (c != '-' && c != '_') key += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return key;
}

}  // namespace

std::string arch_names() {
  std::string names;
  for (const Arch& arch : kRows) names += (names.empty() ? "" : ", ") + std::string(arch.name);
  return names;
}

std::vector<Arch> all_archs() {
  std::vector<Arch> all(std::begin(kRows), std::end(kRows));
  for (Arch& arch : all) arch.preprocess.height = arch.preprocess.width = 0;
  return all;
}

Result<Arch> arch_of(std::string_view name) {
  const std::string key = key_of(name);
  for (const Arch& arch : all_archs())
    if (key_of(arch.name) == key) return arch;
  if (key == "seg")
    return Arch{.name = "seg", .preprocess = segmentation_preset(), .decoder = Decoder::kNoBoxes, .options = {}};
  return Error{Code::kBadArgument, "--arch '" + std::string(name) + "': expected one of " + arch_names()};
}

}  // namespace octet::vision
