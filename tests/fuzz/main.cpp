#include "fuzz.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

// One executable for all fuzzers, as most of each is the readers and the sanitizers. RINGATTN_FUZZER names the one that
// runs.

namespace ringattn::fuzz {
namespace {

std::vector<Fuzzer>& list() {
  static std::vector<Fuzzer> all;
  return all;
}

const Fuzzer* chosen() {
  const char* name = std::getenv("RINGATTN_FUZZER");
  const auto found = std::find_if(list().begin(), list().end(), [&](const Fuzzer& each) {
    return name != nullptr && name == std::string_view(each.name);
  });
  if (found != list().end()) return &*found;
  std::fprintf(stderr, "RINGATTN_FUZZER must name one of:");
  for (const Fuzzer& each : list()) std::fprintf(stderr, " %s", each.name);
  std::fprintf(stderr, "\n");
  std::fflush(stderr);
  std::_Exit(2);  // not through the handlers, which would call it a finding
}

}  // namespace

Fuzzer::Fuzzer(const char* fuzzer_name, void (*of_bytes)(std::string_view)) : name(fuzzer_name), examine(of_bytes) {
  list().push_back(*this);
}

}  // namespace ringattn::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const ringattn::fuzz::Fuzzer* fuzzer = ringattn::fuzz::chosen();
  fuzzer->examine({reinterpret_cast<const char*>(data), size});
  return 0;
}
