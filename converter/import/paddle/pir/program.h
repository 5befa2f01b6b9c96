// Reads a program of Paddle 3 (NAME.json, "PIR") as the legacy description of the same network.
#pragma once
#include <string>

#include "octet/convert.h"
#include "paddle.pb.h"

namespace octet::convert {

// Values get names: inputs, parameters and outputs their own, others that of the op and their number (conv2d.431). Ops without a legacy
// form are called pd_op.NAME, which no importer knows: they are an error where the outputs need them. Errors name the file and the op.
Result<paddle::ProgramDesc> read_pir_program(const std::string& path, const ConvertOptions& options);

}  // namespace octet::convert
