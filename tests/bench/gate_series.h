#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ringattn::trials {

/// Interleaved rounds: one implementation three times (base, candidate, again) and once with 10 % more tiles (slow), in
/// turns, there and back.
struct Series {
  std::vector<std::int64_t> base;
  std::vector<std::int64_t> candidate;
  std::vector<std::int64_t> again;
  std::vector<std::int64_t> slow;
  std::size_t rounds() const { return base.size(); }
};

/// Times `rounds` rounds of a dense ring of two ranks. The slow one computes, after the ring, tiles of a tenth of the
/// rank's queries against as many keys as the ring has shown it.
Series measure_series(std::int64_t rounds);
/// What is timed, in words.
std::string series_words();

/// JSON lines: a head, then [base, candidate, again, slow] in nanoseconds.
void save_series(const Series& series, std::size_t rounds_max, const std::string& machine, const std::string& path);
Series load_series(const std::string& path);

}  // namespace ringattn::trials
