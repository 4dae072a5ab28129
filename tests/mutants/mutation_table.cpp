#include "tests/mutants/mutation_table.h"

#include "tests/mutants/comparers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace ringattn::mutants {
namespace {

std::vector<const Finding*> of_mutant(const MutationResults& results, const std::string& name) {
  std::vector<const Finding*> found;
  for (const Finding& finding : results.findings) {
    if (finding.mutant == name) found.push_back(&finding);
  }
  return found;
}

std::int64_t count(const std::vector<const Finding*>& findings, Fate fate) {
  return std::count_if(findings.begin(), findings.end(), [fate](const Finding* f) { return f->fate == fate; });
}

std::vector<const Finding*> all_of(const MutationResults& results) {
  std::vector<const Finding*> all;
  for (const Finding& finding : results.findings) all.push_back(&finding);
  return all;
}

/// "logic, traffic": the tiers without their tensors.
std::string tiers_of(const std::vector<const Finding*>& findings) {
  std::set<std::string> tiers;
  for (const Finding* finding : findings) {
    for (const std::string& tier : finding->tiers) tiers.insert(tier.substr(0, tier.find(' ')));
  }
  std::string text;
  for (const std::string& tier : tiers) text += (text.empty() ? "" : ", ") + tier;
  return text.empty() ? "–" : text;
}

/// "12 of 12", of those whose first bad hop was looked for.
std::string named_of(const std::vector<const Finding*>& findings) {
  std::int64_t looked = 0, named = 0;
  for (const Finding* finding : findings) {
    if (!finding->is_named) continue;
    ++looked;
    if (*finding->is_named) ++named;
  }
  return looked == 0 ? "–" : fmt::format("{} of {}", named, looked);
}

/// Of the combinations in which the judge's numeric tiers caught it.
std::string comparer_cell(const std::vector<const Finding*>& findings, const std::string& comparer, Dtype dtype) {
  std::int64_t all = 0, caught = 0;
  for (const Finding* finding : findings) {
    if (finding->fate != Fate::caught || finding->caught_by.empty() || finding->combination.dtype != dtype) continue;
    ++all;
    if (finding->caught_by.at(comparer)) ++caught;
  }
  return all == 0 ? "–" : fmt::format("{}/{}", caught, all);
}

std::string place_words(const Mutant& mutant) {
  const auto name = [](int number, const char* what) {
    return number == every  ? fmt::format("every {}", what)
           : number == last ? fmt::format("last {}", what)
                            : fmt::format("{} {}", what, number);
  };
  return name(mutant.place.rank, "rank") +
         (mutant.place.hop == at_end ? ", result" : ", " + name(mutant.place.hop, "hop"));
}

std::string ratio_text(double ratio) { return std::isfinite(ratio) ? fmt::format("{:.3g}", ratio) : "∞"; }

/// JSON has no infinity.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

std::vector<std::string> failed_names(const NumericVerdict& verdict) {
  std::vector<std::string> names;
  for (const TensorVerdict& tensor : verdict.tensors) {
    if (!tensor.passed) names.push_back(tensor.tensor);
  }
  return names;
}

Json to_json(const Finding& f) {
  Json json{{"combination", to_string(f.combination)},
            {"fate", to_string(f.fate)},
            {"tiers", f.tiers},
            {"error_over_allowed", number(f.ratio)},
            {"words", f.words}};
  if (f.first_bad)
    json["first_bad"] = {{"rank", f.first_bad->rank},
                         {"hop", f.first_bad->hop == FirstBadStep::finish ? Json("finish") : Json(f.first_bad->hop)},
                         {"source", f.first_bad->source},
                         {"tensors", failed_names(f.first_bad->verdict)}};
  if (f.is_named) json["first_bad"]["is_where_it_acts"] = *f.is_named;
  if (!f.caught_by.empty()) json["others_caught_it"] = f.caught_by;
  return json;
}

std::string mutant_table(const MutationResults& results) {
  std::string text =
      "| mutant | breaks | where | setting | caught | equivalent | nothing to act on | by | first bad hop named |\n"
      "| --- | --- | --- | --- | ---: | ---: | ---: | --- | ---: |\n";
  for (const Mutant& mutant : results.mutants) {
    const auto found = of_mutant(results, mutant.name);
    if (found.empty()) continue;
    text += fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} | {} |\n", mutant.name, mutant.breaks,
                        place_words(mutant), mutant.setting, count(found, Fate::caught), count(found, Fate::equivalent),
                        count(found, Fate::absent), tiers_of(found), named_of(found));
  }
  return text;
}

std::string equivalent_table(const MutationResults& results) {
  std::string text = "| mutant | combination | error / allowed |\n| --- | --- | ---: |\n";
  for (const Finding& f : results.findings) {
    if (f.fate == Fate::equivalent)
      text += fmt::format("| {} | {} | {} |\n", f.mutant, to_string(f.combination), ratio_text(f.ratio));
  }
  return text;
}

std::string comparer_table(const MutationResults& results) {
  std::string head = "| mutant |", line = "| --- |", right = "| *false alarms on right results* |", sum = "| **all** |";
  const std::pair<Dtype, const char*> dtypes[] = {{Dtype::fp32, "fp32"}, {Dtype::bf16, "bf16"}};
  const auto for_columns = [&](const auto& visit) {
    for (const auto& [dtype, name] : dtypes) {
      for (const Comparer& comparer : comparers()) visit(dtype, std::string(name), comparer.name);
    }
  };
  for_columns([&](Dtype dtype, const std::string& name, const std::string& comparer) {
    head += fmt::format(" {} {} |", name, comparer);
    line += " ---: |";
    const auto found = results.on_right_results.find(name);
    if (found != results.on_right_results.end())
      right += fmt::format(" {}/{} |", found->second.alarms.at(comparer), found->second.right);
    else
      right += " – |";
    sum += fmt::format(" {} |", comparer_cell(all_of(results), comparer, dtype));
  });
  std::string text = head + "\n" + line + "\n";
  for (const Mutant& mutant : results.mutants) {
    const auto found = of_mutant(results, mutant.name);
    if (found.empty()) continue;
    text += fmt::format("| {} |", mutant.name);
    for_columns([&](Dtype dtype, const std::string&, const std::string& comparer) {
      text += fmt::format(" {} |", comparer_cell(found, comparer, dtype));
    });
    text += "\n";
  }
  return text + sum + "\n" + right + "\n";
}

}  // namespace

std::vector<std::string> MutationResults::escaped() const {
  std::vector<std::string> names;
  for (const Mutant& mutant : mutants) {
    const auto found = of_mutant(*this, mutant.name);
    if (found.empty()) continue;
    const bool is_caught_in_fp32 = std::any_of(found.begin(), found.end(), [](const Finding* f) {
      return f->fate == Fate::caught && f->combination.dtype == Dtype::fp32;
    });
    for (const Finding* f : found) {
      if (f->fate == Fate::missed)
        names.push_back(fmt::format("{} {}: {}", mutant.name, to_string(f->combination), f->words));
    }
    if (is_whole && !is_caught_in_fp32) names.push_back(mutant.name + ": caught in no fp32 combination");
  }
  return names;
}

Json to_json(const MutationResults& results) {
  Json list = Json::array();
  for (const Mutant& mutant : results.mutants) {
    Json found = Json::array();
    for (const Finding* finding : of_mutant(results, mutant.name)) found.push_back(to_json(*finding));
    if (found.empty()) continue;
    list.push_back({{"name", mutant.name},
                    {"breaks", mutant.breaks},
                    {"setting", mutant.setting},
                    {"where", place_words(mutant)},
                    {"combinations", std::move(found)}});
  }
  const auto all = all_of(results);
  Json json{{"what", "defects put into the ring, each judged as `compare --old oracle` judges, and valid cases"},
            {"seed", results.seed},
            {"mutants", list.size()},
            {"caught", count(all, Fate::caught)},
            {"equivalent", count(all, Fate::equivalent)},
            {"absent", count(all, Fate::absent)},
            {"missed", count(all, Fate::missed)},
            {"escaped", results.escaped()},
            {"valid_cases", results.valid_cases},
            {"false_alarms", results.alarms},
            {"duration_s", results.duration_s}};
  for (const auto& [dtype, counted] : results.on_right_results)
    json["others_on_right_results"][dtype] = {{"right", counted.right}, {"false_alarms", counted.alarms}};
  json["table"] = std::move(list);
  return json;
}

std::string summary(const MutationResults& results) {
  const auto all = all_of(results);
  std::set<std::string> names;
  for (const Finding* finding : all) names.insert(finding->mutant);
  std::string text = fmt::format(
      "{} mutants in {} combinations: {} caught, {} equivalent, {} with nothing to act on, {} missed\n"
      "first bad hop named: {}\n{} valid cases: {} false alarms\n",
      names.size(), all.size(), count(all, Fate::caught), count(all, Fate::equivalent), count(all, Fate::absent),
      count(all, Fate::missed), named_of(all), results.valid_cases, results.alarms.size());
  for (const std::string& escaped : results.escaped()) text += "ESCAPED " + escaped + "\n";
  for (const std::string& alarm : results.alarms) text += "FALSE ALARM " + alarm + "\n";
  return text;
}

std::string to_markdown(const MutationResults& results) {
  std::string rules;
  for (const Comparer& comparer : comparers()) rules += fmt::format("- `{}`: {}\n", comparer.name, comparer.rule);
  return fmt::format(
      "# What the validator catches\n\n"
      "Written by `make mutants` (seed {}). Each mutant is one defect in a ring that is otherwise the real one, judged "
      "as `compare --old "
      "oracle` judges, in fp32 and bf16, full and causal attention, on 2, 4 and 8 ranks.\n\n```\n{}```\n\n"
      "## Mutants\n\nEquivalent: it acted, and what it did is within the tolerance at the plan's price. First bad hop "
      "named: how often the bisection of a wrong fp32 result, or of wrong gradients of a right one, gave the rank and "
      "hop at which the mutant acts; what an exchange of derivatives got wrong shows at home, or at the next "
      "hop.\n\n{}\n"
      "## Equivalent combinations\n\n{}\n"
      "## Other comparers\n\nOf the combinations that are caught here, how many each rule catches, on out alone (or "
      "dq, "
      "dk and dv).\n\n{}\n{}",
      results.seed, summary(results), mutant_table(results), equivalent_table(results), rules, comparer_table(results));
}

}  // namespace ringattn::mutants
