#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ringattn::trials {

/// Interleaved rounds: one implementation three times (base, candidate, again) and once with more tiles (slow), in
/// turns, there and back.
struct Series {
  std::vector<std::int64_t> base;
  std::vector<std::int64_t> candidate;
  std::vector<std::int64_t> again;
  std::vector<std::int64_t> slow;
  std::size_t rounds() const { return base.size(); }
};

/// Times `rounds` rounds of a dense ring of two ranks. The slow one computes, after the ring, tiles of some of the
/// rank's queries against as many keys as the ring has shown it: of so many that it takes 10 % longer, as found by
/// trying.
Series measure_series(std::int64_t rounds);
/// What is timed, in words.
std::string series_words();

/// JSON lines: a head, then [base, candidate, again, slow] in nanoseconds.
void save_series(const Series& series, std::size_t rounds_max, const std::string& machine, const std::string& path);
/// The rounds of a file after those that `series` has; the machine that its head names.
std::string load_series(const std::string& path, Series& series);

}  // namespace ringattn::trials
