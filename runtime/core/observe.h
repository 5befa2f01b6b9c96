// Every tensor of a run, for the converter's calibration and analysis: no part of the installed interface.
#pragma once
#include <octet/octet.h>
#include <functional>

namespace octet {

// Sees the float and u8 tensors of a run by their index in the model file: inputs, what each step made, and what was known when
// the run was planned because it follows from shapes. Constants of the file are not among them. Each comes once, but for those that
// int8 execution has in both forms. The layout is the file's (NHWC); the data is valid during the call.
using Observer = std::function<void(int tensor, const Tensor& value)>;

// Every later run of the session is observed; an empty observer ends that. The session is planned anew, so what was written to
// its inputs is lost: call prepare() before input(), as after resize_input().
void observe(Session& session, Observer observer);

}  // namespace octet
