#include "legacy/gradients.h"

#include "legacy/module.h"

#include <string>

namespace ringattn::legacy {
namespace {

bool fits(const ShippedGradient& gradient, const GradientCall& call) {
  const bool is_within =
      call.ranks >= gradient.ranks_min && (gradient.ranks_max == 0 || call.ranks <= gradient.ranks_max);
  if (!is_within || !(call.is_causal ? gradient.causal : gradient.full)) return false;
  return gradient.is_there == nullptr || (call.seq_len > 0 && gradient.is_there(call));
}

std::string words_of(const ShippedGradient& gradient) {
  std::string words(to_string(gradient.fate));
  if (!gradient.error.empty()) words += " " + std::string(gradient.error);
  if (!gradient.where.empty()) words += " where " + std::string(gradient.where);
  if (!gradient.what.empty()) words += ": " + std::string(gradient.what);
  return words;
}

/// What holds on that many ranks, and what holds there for some lengths alone.
std::string words_of(const CatalogueEntry& entry, int ranks, bool is_causal) {
  std::string words = words_of(shipped_gradient(entry, {.ranks = ranks, .is_causal = is_causal}));
  for (const ShippedGradient& gradient : shipped_gradients(entry)) {
    ShippedGradient anywhere = gradient;
    anywhere.is_there = nullptr;
    if (gradient.is_there != nullptr && fits(anywhere, {.ranks = ranks, .is_causal = is_causal}))
      words += "; " + words_of(gradient);
  }
  return words;
}

std::string words_of(const CatalogueEntry& entry, int ranks) {
  const std::string full = words_of(entry, ranks, false), causal = words_of(entry, ranks, true);
  return full == causal ? full : full + "; causal: " + causal;
}

}  // namespace

std::string_view to_string(GradientFate fate) {
  switch (fate) {
    case GradientFate::exact:
      return "exact";
    case GradientFate::own_part:
      return "own_part";
    case GradientFate::misplaced:
      return "misplaced";
    case GradientFate::overwritten:
      return "overwritten";
    case GradientFate::repeated:
      return "repeated";
    case GradientFate::zero:
      return "zero";
    case GradientFate::another:
      return "another";
    case GradientFate::raises:
      return "raises";
    case GradientFate::no_value:
      return "no_value";
    case GradientFate::not_recorded:
      break;
  }
  return "not_recorded";
}

ShippedGradient shipped_gradient(const CatalogueEntry& entry, const GradientCall& call) {
  const ShippedBehaviour* behaviour = shipped_behaviour(entry, call.ranks, call.is_causal);
  if (behaviour != nullptr && !behaviour->raises.empty())
    return {.fate = GradientFate::no_value, .what = "forward raises"};
  return gradient_of_value(entry, call);
}

ShippedGradient gradient_of_value(const CatalogueEntry& entry, const GradientCall& call) {
  for (const ShippedGradient& gradient : shipped_gradients(entry)) {
    if (fits(gradient, call)) return gradient;
  }
  return {};
}

std::string why_no_gradient(const CatalogueEntry& entry, int ranks) {
  const std::string who = std::string(entry.class_name) + " (" + std::string(entry.name) + ") as released ";
  if (is_module(entry))
    return who +
           "has projections of its own, so its gradient is after what they are given, not after query, key and value";
  const ShippedGradient gradient = shipped_gradient(entry, {.ranks = ranks});
  if (gradient.fate == GradientFate::not_recorded) return who + "was never trained here: " + std::string(gradient.what);
  return "";
}

std::string gradient_words(const CatalogueEntry& entry) {
  const std::string alone = words_of(entry, 1), two = words_of(entry, 2), more = words_of(entry, 4);
  if (alone == two && two == more) return alone;
  if (two == more) return "in one process " + alone + "\non several ranks " + two;
  return "in one process " + alone + "\non two ranks " + two + "\non more " + more;
}

}  // namespace ringattn::legacy
