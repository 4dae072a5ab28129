#include "cli/identify_report.h"

#include "attention/safetensors.h"
#include "config/config_json.h"

#include <ATen/core/Tensor.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace ringattn {
namespace {

std::string list_text(const std::vector<std::int64_t>& numbers) {
  std::string text;
  for (const std::int64_t number : numbers) text += fmt::format("{}{}", text.empty() ? "" : ", ", number);
  return "[" + text + "]";
}

template <class Texts>
std::string joined(const Texts& texts, const char* between = ", ") {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : between) + text;
  return all;
}

std::string ratio_text(const Judged& judged) {
  if (!std::isfinite(judged.fit.ratio)) return judged.fit.words.empty() ? "does not fit" : judged.fit.words;
  return fmt::format("{}error / tolerance {:.3g}{}", judged.is_sampled ? "at least " : "", judged.fit.ratio,
                     judged.fit.words.empty() ? "" : " (" + judged.fit.words + ")");
}

/// "v2 as released, on 1 rank, causal, use_hilbert=false".
std::string candidate_text(const Hypothesis& candidate) {
  std::string text = candidate.name;
  if (candidate.kind == HypothesisKind::pattern) text = "the new pattern " + candidate.name;
  if (candidate.kind == HypothesisKind::intended) text += " as intended (" + candidate.function + ")";
  if (candidate.kind == HypothesisKind::as_shipped)
    text += fmt::format(" as released, on {} rank{}", candidate.ranks, candidate.ranks == 1 ? "" : "s");
  text += candidate.is_causal ? ", causal" : ", not causal";
  for (const std::string& more : {candidate.mask, candidate.options})
    if (!more.empty()) text += ", " + more;
  return text;
}

std::string judged_text(const Judged& judged, bool with_lists) {
  const Hypothesis& candidate = judged.candidate;
  std::string text = "  " + candidate_text(candidate);
  if (with_lists && !candidate.segment_lengths.empty())
    text += fmt::format(", segment_lengths {} dilation_rates {}", list_text(candidate.segment_lengths),
                        list_text(candidate.dilation_rates));
  text += ": " + ratio_text(judged) + "\n";
  if (!candidate.note.empty()) {
    const std::string defects = joined(candidate.defects);
    text += fmt::format("    as released it departs from what was meant: {}{}\n", candidate.note,
                        defects.empty() ? "" : " [" + defects + "]");
  }
  return text;
}

std::string heading(const IdentityReport& report) {
  const UserRecording& recording = *report.recording;
  return fmt::format("{}: {} {}, {}{}\ntolerance: {}\n", recording.path, recording.takes_x() ? "x" : "query",
                     shape_text(recording.rows().sizes().vec()), joined(result_names(recording)),
                     recording.mask.defined() ? ", with a mask" : "", describe(report.tolerance, recording));
}

/// What distinguishes matches besides their names.
std::string key_of(const Judged& judged) {
  Hypothesis unnamed = judged.candidate;
  unnamed.name = "@";
  const std::string how = unnamed.kind == HypothesisKind::intended ? unnamed.function : unnamed.note;
  return candidate_text(unnamed) + "|" + how + "|" + list_text(unnamed.segment_lengths) +
         list_text(unnamed.dilation_rates);
}

/// Matches that differ in their names alone are one paragraph, with the largest error of them.
std::string matches_text(const IdentityReport& report, const TextStyle& style) {
  const auto& matches = report.identity.found.matches;
  if (matches.empty()) return "\nnot identified: nothing that was tried fits\n";
  std::string text = matches.size() == 1 ? "\nidentified\n" : "\nidentified; the same numbers here from each of\n";
  std::vector<std::string> keys;
  for (const Judged& first : matches) {
    const std::string key = key_of(first);
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
    keys.push_back(key);
    Judged all = first;
    std::vector<std::string> names;
    for (const Judged& match : matches) {
      if (key_of(match) != key) continue;
      names.push_back(match.candidate.name);
      all.fit.ratio = std::max(all.fit.ratio, match.fit.ratio);
    }
    all.candidate.name = joined(names);
    const std::string lines = judged_text(all, report.identity.lists_were_searched);
    for (std::size_t begin = 0; begin < lines.size(); begin = lines.find('\n', begin) + 1)
      text += wrap(lines.substr(begin, lines.find('\n', begin) - begin), style.width, 4) + "\n";
  }
  return text;
}

std::string preserved_text(const IdentityReport& report) {
  if (!report.preserved) return "";
  const PreservedBy& by = *report.preserved;
  if (!by.problem.empty())
    return fmt::format("\nthe configuration of {} cannot be run here: {}\n", by.name, by.problem);
  if (!by.reproduces())
    return fmt::format("\nthe configuration of {} does not give these numbers: error / tolerance {:.3g}\n", by.name,
                       by.ratio);
  return fmt::format(
      "\nThe configuration that preserves it{}:\n\n{}\n\n{}\n\nrun on the recorded inputs, on {} rank{}: error / "
      "tolerance {:.3g}\n",
      by.condition.empty() ? "" : " (" + by.condition + ")", to_json_text_short(by.config), to_python(by.config),
      by.ranks, by.ranks == 1 ? "" : "s", by.ratio);
}

std::string lse_text(const IdentityReport& report) {
  if (!report.recording->lse.defined()) return "";
  if (!report.lse_ratio) return "lse: not judged: no function with a logsumexp of its own fits\n";
  const bool is_right = *report.lse_ratio <= 1.0;
  return fmt::format("lse: {} the logsumexp of the function that fits: error / tolerance {:.3g}\n",
                     is_right ? "is" : "is NOT", *report.lse_ratio);
}

std::string gradient_ratios(const GradientIdentity& gradients) {
  constexpr std::array<const char*, 3> names{"dq", "dk", "dv"};
  std::string text;
  for (std::size_t i = 0; i < 3; ++i) {
    if (gradients.ratios[i])
      text += fmt::format("{}{} {:.3g}", text.empty() ? "" : ", ", names[i], *gradients.ratios[i]);
  }
  return text.empty() ? "" : "; error / tolerance: " + text;
}

std::string gradients_text(const IdentityReport& report, const TextStyle& style) {
  if (!report.recording->gradients.are_there()) return "";
  if (!report.gradients) return "gradients: not judged: nothing that fits has any\n";
  const GradientIdentity& gradients = *report.gradients;
  std::string name = std::string(to_string(gradients.verdict));
  if (!gradients.name.empty()) name = gradients.name;
  return wrap(fmt::format("gradients: {}: {}{}", name, gradients.words, gradient_ratios(gradients)), style.width, 2) +
         "\n";
}

}  // namespace

std::vector<std::string> result_names(const UserRecording& recording) {
  std::vector<std::string> names;
  if (recording.out.defined()) names.emplace_back("out");
  for (const auto& [rank, out] : recording.rank_outs) names.push_back(fmt::format("out.rank{}", rank));
  return names;
}

std::string reason_text(const IdentityReport& report) {
  if (report.is_yes()) return "";
  const Identification& found = report.identity.found;
  std::vector<std::string> reasons;
  if (found.is_identified() && !report.preserved) {
    reasons.emplace_back(
        "no configuration of the new API gives these numbers: they are those of a released class where it departs from "
        "what was meant, or of a function that the new API does not have; `ringattn explain " +
        found.matches.front().candidate.name + "` says more");
  }
  if (!report.identity.missing.empty())
    reasons.push_back("what would decide: " + joined(report.identity.missing) + " (--config, --ranks)");
  if (!found.untried.empty())
    reasons.push_back(
        fmt::format("{} candidates were not tried for lack of time, the first of them {}; see --time-budget",
                    found.untried.size(), found.untried.front()));
  return joined(reasons, "\n");
}

std::string identity_text(const IdentityReport& report, const TextStyle& style) {
  const Identification& found = report.identity.found;
  std::string text = heading(report) + matches_text(report, style);
  if (found.second)
    text += fmt::format("{}\n{}", found.is_identified() ? "\nsecond best" : "\nthe nearest",
                        judged_text(*found.second, report.identity.lists_were_searched));
  text += fmt::format(
      "\ntried: {} candidates that gave numbers, {} that gave none here (they raise, or need more than "
      "the recording has)\n",
      found.tried, found.refused.size());
  text += lse_text(report) + gradients_text(report, style);
  if (!report.recording->unjudged.empty())
    text += "not judged: " + joined(report.recording->unjudged) +
            " (gradients are judged after query, key and value (batch, seq, heads, dim), with grad_out)\n";
  text += preserved_text(report);
  const std::string reason = reason_text(report);
  if (!reason.empty()) text += "\n" + wrap(reason, style.width, 2) + "\n";
  return text;
}

}  // namespace ringattn
