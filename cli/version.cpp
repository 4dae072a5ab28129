#include "cli/version.h"

#include "cli/machine.h"
#include "config/environment.h"

namespace ringattn {

std::string version_line() {
  const TorchFacts torch = torch_facts();
  const Environment e = capture_environment(Env{}, torch.version);
  std::string details;
  if (!e.git_commit.empty()) details += "commit " + e.git_commit + ", ";
  if (!e.build_type.empty()) details += e.build_type + ", ";
  return "ringattn " + e.ringattn_version + " (" + details + "LibTorch " + e.libtorch + ")";
}

}  // namespace ringattn
