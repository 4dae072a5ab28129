#include "comm/words.h"

namespace ringattn {

std::string rank_name(int rank) { return "rank " + std::to_string(rank); }

std::string text(std::chrono::milliseconds duration) {
  const auto ms = duration.count();
  return ms % 1000 == 0 ? std::to_string(ms / 1000) + " s" : std::to_string(ms) + " ms";
}

}  // namespace ringattn
