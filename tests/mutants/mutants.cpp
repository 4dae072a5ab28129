#include "config/error.h"
#include "measure/clock.h"
#include "report/store.h"
#include "tests/mutants/comparers.h"
#include "tests/mutants/mutant_table.h"
#include "tests/mutants/mutation_table.h"
#include "tests/mutants/trial.h"
#include "tests/mutants/valid_cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

// Validates the validator: every mutant must be caught where it matters, and no valid case may be failed. Exit code 0
// where that is so, 1 where it is not.

namespace ringattn::mutants {
namespace {

constexpr const char* kUsage =
    "usage: mutants [--seed N] [--tenth] [--only NAME] [--valid-cases N] [--json FILE] [--markdown FILE] [--list]";

struct Arguments {
  std::uint64_t seed = 42;
  bool is_tenth = false;  ///< of the combinations and of the valid cases
  std::string only{};     ///< one mutant; "" all
  std::int64_t valid_cases = 2000;
  std::string json{};
  std::string markdown{};
  bool lists = false;
};

/// The mutant that does nothing: what others' rules say of right results.
Mutant no_mutant(const std::string& setting, bool is_backward) {
  return {.name = "none", .breaks = "nothing", .setting = setting, .hops_min = 0, .is_backward = is_backward};
}

class Run {
 public:
  explicit Run(const Arguments& arguments) : arguments_(arguments), random_(arguments.seed) {
    results_.seed = arguments.seed;
    results_.is_whole = !arguments.is_tenth;
    for (const Mutant& mutant : all_mutants()) {
      if (arguments.only.empty() || mutant.name == arguments.only) results_.mutants.push_back(mutant);
    }
    if (results_.mutants.empty()) throw UsageError("--only: there is no mutant \"" + arguments.only + "\"; see --list");
  }

  MutationResults run() {
    const std::int64_t start = now_ns();
    for (const Mutant& mutant : results_.mutants) try_mutant(mutant);
    if (arguments_.only.empty()) look_at_right_results();
    run_valid_cases();
    results_.duration_s = static_cast<double>(now_ns() - start) / 1e9;
    return std::move(results_);
  }

 private:
  void try_mutant(const Mutant& mutant) {
    std::vector<Combination> where = combinations();
    if (arguments_.is_tenth) where = {where[std::uniform_int_distribution<std::size_t>(0, where.size() - 1)(random_)]};
    for (const Combination& combination : where) {
      results_.findings.push_back(laboratory(mutant.setting).run(mutant, combination));
      report(results_.findings.back());
    }
  }

  static void report(const Finding& f) {
    std::string tiers;
    for (const std::string& tier : f.tiers) tiers += (tiers.empty() ? "" : ", ") + tier;
    fmt::print("{:<24} {:<16} {:<11} {:>10.3g}  {}", f.mutant, to_string(f.combination), to_string(f.fate), f.ratio,
               tiers);
    if (f.first_bad)
      fmt::print("  first bad: rank {} hop {}{}", f.first_bad->rank, f.first_bad->hop,
                 f.is_named.value_or(true) ? "" : " (NOT where it acts)");
    fmt::print("\n");
    std::fflush(stdout);
  }

  void look_at_right_results() {
    for (const Setting& setting : settings()) {
      if (setting.has_nan) continue;
      for (const bool is_backward : {false, true}) {
        for (const Combination& combination : combinations()) {
          if (arguments_.is_tenth && combination.ranks != 4) continue;
          const Finding right = laboratory(setting.name).run_right(no_mutant(setting.name, is_backward), combination);
          if (right.fate == Fate::caught)
            results_.alarms.push_back(setting.name + " " + to_string(combination) + ": " + right.words);
          ComparerAlarms& counted = results_.on_right_results[std::string(to_string(combination.dtype))];
          ++counted.right;
          for (const auto& [comparer, is_caught] : right.caught_by) counted.alarms[comparer] += is_caught ? 1 : 0;
        }
      }
    }
  }

  void run_valid_cases() {
    ValidCases cases;
    const std::int64_t number = arguments_.is_tenth ? arguments_.valid_cases / 10 : arguments_.valid_cases;
    for (std::int64_t i = 0; i < number; ++i) {
      const ValidCase valid = random_case(random_);
      const std::string alarm = cases.alarm(valid);
      ++results_.valid_cases;
      if (alarm.empty()) continue;
      results_.alarms.push_back(to_string(valid) + ": " + alarm);
      fmt::print("FALSE ALARM {}\n", results_.alarms.back());
      std::fflush(stdout);
    }
  }

  Laboratory& laboratory(const std::string& setting) {
    std::unique_ptr<Laboratory>& made = laboratories_[setting];
    if (!made) made = std::make_unique<Laboratory>(find_setting(setting), arguments_.seed);
    return *made;
  }

  const Arguments& arguments_;
  std::mt19937_64 random_;
  std::map<std::string, std::unique_ptr<Laboratory>> laboratories_;
  MutationResults results_;
};

Arguments arguments_of(const std::vector<std::string>& words) {
  Arguments arguments;
  const auto number = [](const std::string& text) {
    if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos)
      throw UsageError(fmt::format("\"{}\" is no whole number; {}", text, kUsage));
    return std::stoll(text);
  };
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const auto value = [&]() -> const std::string& {
      if (i + 1 == words.size()) throw UsageError(fmt::format("{} needs a value; {}", word, kUsage));
      return words[++i];
    };
    if (word == "--seed")
      arguments.seed = static_cast<std::uint64_t>(number(value()));
    else if (word == "--tenth")
      arguments.is_tenth = true;
    else if (word == "--only")
      arguments.only = value();
    else if (word == "--valid-cases")
      arguments.valid_cases = number(value());
    else if (word == "--json")
      arguments.json = value();
    else if (word == "--markdown")
      arguments.markdown = value();
    else if (word == "--list")
      arguments.lists = true;
    else
      throw UsageError(fmt::format("\"{}\" is unknown; {}", word, kUsage));
  }
  return arguments;
}

int run(const Arguments& arguments) {
  if (arguments.lists) {
    for (const Mutant& mutant : all_mutants()) fmt::print("{:<24} {}\n", mutant.name, mutant.breaks);
    return 0;
  }
  const MutationResults results = Run(arguments).run();
  if (!arguments.json.empty()) write_file_atomically(arguments.json, to_json(results).dump(1) + "\n");
  if (!arguments.markdown.empty()) write_file_atomically(arguments.markdown, to_markdown(results));
  fmt::print("\n{}in {:.0f} s\n", summary(results), results.duration_s);
  return results.is_good() ? 0 : 1;
}

}  // namespace
}  // namespace ringattn::mutants

int main(int argc, char** argv) {
  try {
    return ringattn::mutants::run(ringattn::mutants::arguments_of({argv + 1, argv + argc}));
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 2;
  }
}
