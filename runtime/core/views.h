// Values inside other values: concat's inputs as slices of its output, slices as parts of their input, reshapes in place.
#pragma once
#include "runtime/core/plan.h"

namespace octet {

void join_steps(
    Plan& plan);  // before make_views: steps that take rows as they are made become part of those that make them
void make_views(Plan& plan);      // sets places and pitches, drops the steps that then have nothing to do
void write_in_place(Plan& plan);  // after make_views: places inputs of elementwise steps in their outputs
void find_owners(Plan& plan);     // sets the owner of every place, and the offset from where the owner begins

}  // namespace octet
