// Memory of this process.
#pragma once

namespace octet {

// Pages that no other process shares, in MB; 0 where the system does not say.
double own_megabytes();

}  // namespace octet
