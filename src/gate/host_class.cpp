#include "gate/host_class.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace ringattn {
namespace {

/// Lower case; anything but letters, digits and dots becomes one dash.
std::string slug(const std::string& text) {
  std::string name;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '.')
      name += static_cast<char>(std::tolower(byte));
    else if (!name.empty() && name.back() != '-')
      name += '-';
  }
  while (!name.empty() && name.back() == '-') name.pop_back();
  return name.empty() ? "unknown" : name;
}

}  // namespace

std::string cpu_generation(std::istream& cpuinfo) {
  std::string family, model, line;
  while (std::getline(cpuinfo, line) && (family.empty() || model.empty())) {
    const std::string name = slug(line.substr(0, line.find(':')));
    const std::string value = slug(line.substr(std::min(line.size(), line.find(':') + 1)));
    if (name == "cpu-family" && family.empty()) family = "f" + value;
    if (name == "model" && model.empty()) model = "m" + value;
  }
  return family + model;
}

std::string host_class(const Environment& e, const std::string& generation) {
  return fmt::format("{}-{}{}{}c-{}t-{}-torch{}", slug(e.cpu_model), generation, generation.empty() ? "" : "-",
                     e.cpu_cores_usable, e.threads_intra_op, slug(e.build_type),
                     slug(e.libtorch.substr(0, e.libtorch.find('+'))));
}

}  // namespace ringattn
