// Which converter this is: what it makes of a source may only change when this does.
#pragma once

namespace octet::convert {

extern const char kIdentity[];  // made by identity.cmake

}  // namespace octet::convert
