#include "compare/gradient_identity.h"

#include "attention/oracle_gradient.h"
#include "compare/gradient_departure.h"
#include "config/error.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace ringattn {
namespace {

using Ratios = std::array<std::optional<double>, 3>;

std::array<at::Tensor, 3> tensors_of(const UserGradients& g) { return {g.query, g.key, g.value}; }
std::array<at::Tensor, 3> tensors_of(const Gradients& g) { return {g.query, g.key, g.value}; }
constexpr std::array<std::string_view, 3> tensor_names{"dq", "dk", "dv"};

Ratios ratios_of(const Gradients& got, const UserGradients& want) {
  Ratios ratios;
  for (std::size_t i = 0; i < 3; ++i) {
    const at::Tensor tensor = tensors_of(want)[i];
    if (tensor.defined())
      ratios[i] = fit_tensor(tensors_of(got)[i], tensor, gradient_tolerance(tensor, want.dtype)).ratio;
  }
  return ratios;
}

bool fits(const Ratios& ratios) {
  return std::all_of(ratios.begin(), ratios.end(), [](const auto& ratio) { return !ratio || *ratio <= 1.0; });
}

Gradients gradients_of(const OracleGradient& gradient) { return {gradient.query, gradient.key, gradient.value}; }

/// The constant by which `got` is nearest to `want`.
double factor_of(const at::Tensor& got, const at::Tensor& want) {
  const at::Tensor a = got.to(at::kDouble), b = want.to(at::kDouble);
  const double square = (a * a).sum().item<double>();
  return square > 0.0 ? (a * b).sum().item<double>() / square : 0.0;
}

/// The gradients of one match, by turns.
class GradientJudge {
 public:
  GradientJudge(const UserRecording& recording, const std::vector<int>& ranks)
      : want_(recording.gradients), ranks_(ranks) {}

  /// Derivatives of a function; false: it has none here.
  bool take_function(const Judged& match) {
    if (!match.candidate.computes || !match.candidate.core || match.candidate.core->finish) return false;
    const CoreInputs& core = *match.candidate.core;
    try {
      whole_ = gradients_of(evaluate_oracle_gradient(*match.candidate.computes, core.query, core.key, core.value,
                                                     want_.grad_out, {.mask = core.mask}));
    } catch (const UsageError&) {
      return false;
    }
    function_ = &match;
    return true;
  }

  std::optional<GradientIdentity> by_function() const {
    if (function_ == nullptr) return std::nullopt;
    return identity_if_fits(GradientVerdict::right, "", whole_,
                            "they are the derivatives of the function that was identified");
  }

  std::optional<GradientIdentity> by_release(const Judged& match) const {
    if (!match.candidate.run_gradients) return std::nullopt;
    const HypothesisGradients got = match.candidate.run_gradients(want_.grad_out);
    if (!got.refused.empty()) return std::nullopt;
    const bool is_exact = function_ == nullptr && got.is_exact;
    return identity_if_fits(is_exact ? GradientVerdict::right : GradientVerdict::named, is_exact ? "" : "as_released",
                            got.gradients,
                            fmt::format("they are what {} gave as released, on {} rank{}: {}", match.candidate.name,
                                        match.candidate.ranks, match.candidate.ranks == 1 ? "" : "s", got.words));
  }

  std::optional<GradientIdentity> by_departure(GradientDeparture departure) const {
    if (function_ == nullptr) return std::nullopt;
    const CoreInputs& core = *function_->candidate.core;
    const GradientSubject subject{
        *function_->candidate.computes, {}, core.query, core.key, core.value, want_.grad_out, core.mask};
    for (const int ranks : ranks_) {
      if (ranks < 2) continue;
      if (auto found = identity_if_fits(GradientVerdict::named, std::string(to_string(departure)),
                                        departed(whole_, departure, subject, ranks), words_of(departure, ranks)))
        return found;
    }
    return std::nullopt;
  }

  std::optional<GradientIdentity> by_zero() const {
    const at::Tensor zero = at::zeros_like(want_.grad_out);
    return identity_if_fits(GradientVerdict::named, "zero", {zero, zero, zero}, "they are 0 everywhere");
  }

  /// Each tensor with a factor of its own.
  std::optional<GradientIdentity> by_factors() const {
    if (function_ == nullptr) return std::nullopt;
    Gradients scaled = whole_;
    std::string words;
    for (std::size_t i = 0; i < 3; ++i) {
      const at::Tensor want = tensors_of(want_)[i];
      if (!want.defined()) continue;
      const double factor = factor_of(tensors_of(whole_)[i], want);
      at::Tensor& tensor = i == 0 ? scaled.query : i == 1 ? scaled.key : scaled.value;
      tensor = tensor * factor;
      words += fmt::format("{}{} is {:.6g} times", words.empty() ? "" : ", ", tensor_names[i], factor);
    }
    return identity_if_fits(GradientVerdict::named, "scaled", scaled,
                            words +
                                " the function's derivative, as where losses or ranks were averaged, or added up "
                                "several times");
  }

  GradientIdentity unexplained() const {
    GradientIdentity none;
    none.words = "they are not the function's derivatives, nor any departure from them that is known";
    if (function_ != nullptr) none.ratios = ratios_of(whole_, want_);
    return none;
  }

 private:
  std::optional<GradientIdentity> identity_if_fits(GradientVerdict verdict, std::string name, const Gradients& got,
                                                   std::string words) const {
    const Ratios ratios = ratios_of(got, want_);
    if (!fits(ratios)) return std::nullopt;
    return GradientIdentity{verdict, std::move(name), std::move(words), ratios};
  }

  const UserGradients& want_;
  const std::vector<int>& ranks_;
  const Judged* function_ = nullptr;
  Gradients whole_{};
};

}  // namespace

std::string_view to_string(GradientVerdict verdict) {
  constexpr std::array<std::string_view, 3> words{"right", "named", "unexplained"};
  return words[static_cast<std::size_t>(verdict)];
}

FitTolerance gradient_tolerance(const at::Tensor& want, at::ScalarType dtype) {
  const double relative = dtype == at::kBFloat16 ? 16 * 0x1p-9 : dtype == at::kHalf ? 16 * 0x1p-12 : 1e-4;
  const double rms = std::sqrt(want.to(at::kDouble).square().mean().item<double>());
  // Against a gradient of zeros nothing else fits.
  return {.absolute = std::max(relative * rms, std::numeric_limits<double>::min()), .relative = relative};
}

std::optional<GradientIdentity> identify_gradients(const UserRecording& recording, const std::vector<Judged>& matches,
                                                   const std::vector<int>& ranks) {
  if (!recording.gradients.are_there() || matches.empty()) return std::nullopt;
  GradientJudge judge(recording, ranks);
  const bool has_function =
      std::any_of(matches.begin(), matches.end(), [&](const Judged& match) { return judge.take_function(match); });
  if (auto found = judge.by_function()) return found;
  bool has_release = false;
  for (const Judged& match : matches) {
    has_release = has_release || match.candidate.run_gradients;
    if (auto found = judge.by_release(match)) return found;
  }
  if (!has_function && !has_release) return std::nullopt;
  for (const auto& found : {judge.by_departure(GradientDeparture::own_part),
                            judge.by_departure(GradientDeparture::misplaced), judge.by_zero(), judge.by_factors()}) {
    if (found) return found;
  }
  return judge.unexplained();
}

}  // namespace ringattn
