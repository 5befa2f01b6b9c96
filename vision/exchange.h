// A data set through another runtime: each run's inputs are written to a folder, and outputs that lie there count instead
// of the session's. So the same pictures, decoder and metric judge what another program makes of the same tensors.
#pragma once
#include <octet/octet.h>

#include <string>

namespace octet::vision {

class Exchange {
 public:
  Exchange() = default;
  explicit Exchange(std::string folder) : folder_(std::move(folder)) {}  // empty: no exchange

  // Around run N: `before` writes FOLDER/N/in_I.raw, `after` reads FOLDER/N/out_I.raw where there are such files; the
  // elements alone, as the session holds them.
  Result<void> before(Session& session, size_t inputs);
  Result<void> after(Session& session, size_t outputs);

 private:
  std::string folder_;
  size_t runs_ = 0;
};

}  // namespace octet::vision
