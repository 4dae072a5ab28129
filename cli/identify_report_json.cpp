#include "cli/identify_report.h"
#include "config/config_json.h"

#include <ATen/core/Tensor.h>

#include <array>
#include <cmath>

namespace ringattn {
namespace {

Json json_of(const Judged& judged) {
  const Hypothesis& candidate = judged.candidate;
  return {{"kind", to_string(candidate.kind)},
          {"name", candidate.name},
          {"function", candidate.function},
          {"ranks", candidate.ranks > 0 ? Json(candidate.ranks) : Json()},
          {"is_causal", candidate.is_causal},
          {"mask", candidate.mask},
          {"options", candidate.options},
          {"segment_lengths", candidate.segment_lengths},
          {"dilation_rates", candidate.dilation_rates},
          {"defects", candidate.defects},
          {"note", candidate.note},
          {"ratio", std::isfinite(judged.fit.ratio) ? Json(judged.fit.ratio) : Json()},
          {"words", judged.fit.words},
          {"is_sampled", judged.is_sampled}};
}

Json preserving_json(const IdentityReport& report) {
  if (!report.preserved) return nullptr;
  const PreservedBy& by = *report.preserved;
  return {{"name", by.name},
          {"config", to_json_short(by.config)},
          {"python", to_python(by.config)},
          {"condition", by.condition},
          {"ranks", by.ranks},
          {"ratio", by.problem.empty() && std::isfinite(by.ratio) ? Json(by.ratio) : Json()},
          {"problem", by.problem},
          {"reproduces", by.reproduces()}};
}

template <class Value>
Json json_or_null(const std::optional<Value>& value) {
  return value ? Json(*value) : Json();
}

Json recording_json(const UserRecording& recording) {
  return {{"file", recording.path},
          {"input", recording.takes_x() ? "x" : "query"},
          {"shape", recording.rows().sizes().vec()},
          {"results", result_names(recording)},
          {"has_mask", recording.mask.defined()},
          {"unjudged", recording.unjudged}};
}

Json gradients_json(const IdentityReport& report) {
  if (!report.gradients) return nullptr;
  const GradientIdentity& gradients = *report.gradients;
  Json ratios = Json::object();
  constexpr std::array<const char*, 3> names{"dq", "dk", "dv"};
  for (std::size_t i = 0; i < 3; ++i) {
    const std::optional<double>& ratio = gradients.ratios[i];
    ratios[names[i]] = ratio && std::isfinite(*ratio) ? Json(*ratio) : Json();
  }
  return {{"verdict", to_string(gradients.verdict)},
          {"name", gradients.name},
          {"words", gradients.words},
          {"ratios", std::move(ratios)}};
}

}  // namespace

Json identity_json(const IdentityReport& report) {
  const Identification& found = report.identity.found;
  Json matches = Json::array();
  for (const Judged& match : found.matches) matches.push_back(json_of(match));
  const char* answer = report.is_yes() ? "preserved" : found.is_identified() ? "not_preserved" : "not_identified";
  return {{"version", 2},
          {"answer", answer},
          {"recording", recording_json(*report.recording)},
          {"given",
           {{"segment_lengths", json_or_null(report.call.segment_lengths)},
            {"dilation_rates", json_or_null(report.call.dilation_rates)},
            {"is_causal", json_or_null(report.call.is_causal)},
            {"ranks", json_or_null(report.call.ranks)}}},
          {"tolerance",
           {{"absolute", report.tolerance.absolute},
            {"relative", report.tolerance.relative},
            {"words", describe(report.tolerance, *report.recording)}}},
          {"matches", std::move(matches)},
          {"second", found.second ? json_of(*found.second) : Json()},
          {"preserving", preserving_json(report)},
          {"reason", reason_text(report)},
          {"lse_ratio", report.lse_ratio && std::isfinite(*report.lse_ratio) ? Json(*report.lse_ratio) : Json()},
          {"lse_is_right", report.lse_ratio ? Json(*report.lse_ratio <= 1.0) : Json()},
          {"gradients", gradients_json(report)},
          {"lists_were_searched", report.identity.lists_were_searched},
          {"ranks_tried", report.identity.ranks},
          {"missing", report.identity.missing},
          {"tried", found.tried},
          {"refused", found.refused},
          {"untried", found.untried}};
}

}  // namespace ringattn
