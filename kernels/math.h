// Elementary functions in one defined order of IEEE operations: libm's differ in their last bits from machine to machine.
//
// Each is computed in double, to about 1e-14 of the result (erf: to 1e-13), and rounded to float once: within 0.501 of a
// float's last place. Infinities, zeros and NaN as C's Annex F says. They need rounding to nearest.
#pragma once

namespace octet::kernels::math {

float exp(float x);
float log(float x);
float pow(float x, float y);
float sin(float x);  // of any finite number: the argument is reduced exactly
float cos(float x);
float erf(float x);

}  // namespace octet::kernels::math
