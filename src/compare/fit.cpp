#include "compare/fit.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>

namespace ringattn {
namespace {

bool is_low(at::ScalarType dtype) { return dtype == at::kBFloat16 || dtype == at::kHalf; }

/// Root mean square of all finite recorded numbers.
double recorded_rms(const UserRecording& recording) {
  double sum = 0.0, count = 0.0;
  const auto add = [&](const at::Tensor& out) {
    const at::Tensor finite = at::isfinite(out);
    sum += at::where(finite, out, at::zeros_like(out)).to(at::kDouble).square().sum().item<double>();
    count += finite.sum().item<double>();
  };
  if (recording.out.defined()) add(recording.out);
  for (const auto& [rank, out] : recording.rank_outs) add(out);
  return count > 0.0 ? std::sqrt(sum / count) : 0.0;
}

/// Of several ways to read a result, the nearest.
const Fit& nearer(const Fit& a, const Fit& b) { return b.ratio < a.ratio ? b : a; }

/// Share `rank` of a whole sequence, of as many rows as were recorded.
at::Tensor share(const at::Tensor& whole, std::int64_t rank, std::int64_t rows) {
  if ((rank + 1) * rows > whole.size(1)) return {};
  return whole.narrow(1, rank * rows, rows);
}

/// A recorded result of rank `rank`; -1: of a rank that nobody knows.
Fit fit_rank(const HypothesisResult& got, int rank, const at::Tensor& want, const FitTolerance& tolerance) {
  if (got.is_whole) {
    const at::Tensor& whole = got.outs.front();
    if (want.size(1) == whole.size(1)) return fit_tensor(whole, want, tolerance);
    Fit best{.words = "other rows"};
    for (std::int64_t r = std::max(rank, 0); r <= (rank < 0 ? whole.size(1) / want.size(1) - 1 : rank); ++r) {
      const at::Tensor rows = share(whole, r, want.size(1));
      if (rows.defined()) best = nearer(best, fit_tensor(rows, want, tolerance));
    }
    return best;
  }
  if (rank >= static_cast<int>(got.outs.size())) return {.words = fmt::format("there is no rank {}", rank)};
  if (rank >= 0) return fit_tensor(got.outs[static_cast<std::size_t>(rank)], want, tolerance);
  Fit best = fit_tensor(got.outs.front(), want, tolerance);
  for (std::size_t r = 1; r < got.outs.size(); ++r) {
    Fit other = fit_tensor(got.outs[r], want, tolerance);
    other.words = fmt::format("out is rank {}'s", r);
    best = nearer(best, other);
  }
  return best;
}

/// `out`: also what local results make when they are laid one after the other.
Fit fit_out(const HypothesisResult& got, const at::Tensor& want, const FitTolerance& tolerance) {
  const bool is_local = !got.is_whole && got.outs.size() > 1 && got.outs.front().dim() == want.dim() &&
                        got.outs.front().size(1) < want.size(1);
  if (is_local) return fit_tensor(at::cat(got.outs, 1), want, tolerance);
  return fit_rank(got, -1, want, tolerance);
}

}  // namespace

FitTolerance fit_tolerance(const UserRecording& recording) {
  if (!is_low(recording.dtype)) return {};
  const double u = recording.dtype == at::kHalf ? 0x1p-12 : 0x1p-9;
  return {.absolute = 8.0 * u * recorded_rms(recording), .relative = 8.0 * u};
}

std::string describe(const FitTolerance& tolerance, const UserRecording& recording) {
  std::string formula = fmt::format("|a-b| <= {:.3g} + {:.3g}·|b|", tolerance.absolute, tolerance.relative);
  if (!is_low(recording.dtype)) return formula;
  return formula + fmt::format(
                       " ({}: 16 of its roundings, of the number and of the recording's root mean square; "
                       "functions that differ by less are not told apart)",
                       recording.dtype == at::kHalf ? "fp16" : "bf16");
}

Fit fit_tensor(const at::Tensor& got, const at::Tensor& want, const FitTolerance& tolerance) {
  if (!got.defined()) return {.words = "it returned nothing there"};
  if (got.sizes() != want.sizes()) return {.words = fmt::format("it returned {}", shape_text(got.sizes().vec()))};
  const at::Tensor a = got.to(at::kCPU, at::kDouble), b = want.to(at::kDouble);
  const at::Tensor finite = at::isfinite(b);
  const at::Tensor alike =
      at::where(finite, at::isfinite(a), (a == b).logical_or(at::isnan(a).logical_and(at::isnan(b))));
  if (!alike.all().item<bool>()) return {.words = "NaN or infinite at other places"};
  const at::Tensor size = at::where(finite, b.abs(), at::zeros_like(b));
  at::Tensor allowed = tolerance.absolute + tolerance.relative * size;
  if (tolerance.of_row > 0.0 && b.numel() > 0) allowed = allowed + tolerance.of_row * size.amax(-1, true);
  const at::Tensor error = at::where(finite, (a - b).abs() / allowed, at::zeros_like(b));
  return {.ratio = error.numel() == 0 ? 0.0 : error.max().item<double>()};
}

Fit fit_recording(const std::vector<HypothesisResult>& raced, const UserRecording& recording,
                  const FitTolerance& tolerance) {
  const auto best_of = [&](const auto& fit_one) {
    Fit best{.words = raced.empty() ? "it was not run" : raced.front().refused};
    for (const HypothesisResult& got : raced) {
      if (got.refused.empty())
        best = best.words.empty() || best.ratio < 1e300 ? nearer(best, fit_one(got)) : fit_one(got);
    }
    return best;
  };
  Fit worst{.ratio = 0.0};
  const auto add = [&](const Fit& fit) {
    if (fit.ratio > worst.ratio || worst.words.empty()) worst = {std::max(fit.ratio, worst.ratio), fit.words};
  };
  if (recording.out.defined())
    add(best_of([&](const HypothesisResult& got) { return fit_out(got, recording.out, tolerance); }));
  for (const auto& [rank, want] : recording.rank_outs)
    add(best_of(
        [&, rank = rank, &want = want](const HypothesisResult& got) { return fit_rank(got, rank, want, tolerance); }));
  return worst;
}

Fit fit_recording(const HypothesisResult& got, const UserRecording& recording, const FitTolerance& tolerance) {
  return fit_recording(std::vector<HypothesisResult>{got}, recording, tolerance);
}

}  // namespace ringattn
