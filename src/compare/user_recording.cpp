#include "compare/user_recording.h"

#include "config/error.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace ringattn {
namespace {

constexpr int ranks_max = 1024;

/// "out.rank3" is ("out", 3), "out" is ("out", none).
std::pair<std::string, std::optional<int>> split_rank(const std::string& name) {
  const std::size_t at = name.rfind(".rank");
  if (at == std::string::npos) return {name, std::nullopt};
  int rank = -1;
  const char* end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + at + 5, end, rank);
  if (error != std::errc{} || stop != end || rank < 0 || rank >= ranks_max) return {name, std::nullopt};
  return {name.substr(0, at), rank};
}

at::Tensor in_fp32(const at::Tensor& tensor) {
  return at::isFloatingType(tensor.scalar_type()) ? tensor.to(at::kFloat) : tensor;
}

bool is_weight(const std::string& name) { return name.ends_with(".weight") || name.ends_with(".bias"); }

bool has_weights(const UserRecording& recording) {
  return std::any_of(recording.inputs.begin(), recording.inputs.end(),
                     [](const auto& named) { return is_weight(named.first); });
}

/// Puts one tensor of the file where it belongs; false: no such name.
bool place(UserRecording& recording, GradientReader& gradients, const std::string& whole_name,
           const at::Tensor& tensor) {
  static const std::set<std::string> inputs{"query", "key", "value", "x"};
  const auto [name, rank] = split_rank(whole_name);
  if (name == "out") {
    recording.dtype = tensor.scalar_type();
    (rank ? recording.rank_outs[*rank] : recording.out) = in_fp32(tensor);
  } else if (name == "aux/mapping" || name == "aux/block_pattern") {
    recording.drawn[rank.value_or(-1)][name] = tensor;
  } else if (name == "lse" && rank) {
    recording.unjudged.push_back(whole_name);
  } else if (gradients.place(name, rank.value_or(-1), tensor)) {
    return true;
  } else if (!rank && name == "lse") {
    recording.lse = in_fp32(tensor);
  } else if (!rank && (name == "mask" || name == "attention_mask")) {
    recording.mask = in_fp32(tensor);
  } else if (!rank && (inputs.count(name) > 0 || is_weight(name))) {
    recording.inputs[name] = in_fp32(tensor);
  } else {
    return false;
  }
  return true;
}

[[noreturn]] void refuse(const UserRecording& recording, const std::string& what) {
  throw UsageError(recording.path + ": " + what);
}

const at::Tensor& require(const UserRecording& recording, const std::string& name) {
  const auto found = recording.inputs.find(name);
  if (found == recording.inputs.end())
    refuse(recording, "there is no tensor \"" + name +
                          "\"; a recording has query, key and value, or x with its projection weights, and out");
  return found->second;
}

void check_inputs(const UserRecording& recording) {
  if (recording.takes_x()) {
    const at::Tensor& x = require(recording, "x");
    if (x.dim() != 3 || x.numel() == 0)
      refuse(recording, "x: must be (batch, seq, embed), got " + shape_text(x.sizes().vec()));
    if (recording.inputs.count("query") > 0) refuse(recording, "x and query: a class takes one of them");
    return;
  }
  const at::Tensor& query = require(recording, "query");
  const bool is_shaped = (query.dim() == 4 || (query.dim() == 3 && recording.inputs.count("q_proj.weight") > 0));
  if (!is_shaped || query.numel() == 0)
    refuse(recording, "query: must be (batch, seq, heads, dim), got " + shape_text(query.sizes().vec()));
  for (const char* name : {"key", "value"}) {
    const at::Tensor& tensor = require(recording, name);
    if (tensor.sizes() != query.sizes())
      refuse(recording, fmt::format("{}: must have the query's shape {}, as in every old class; got {}", name,
                                    shape_text(query.sizes().vec()), shape_text(tensor.sizes().vec())));
  }
}

/// The rows may be the whole sequence or a rank's own; everything else is as in the input.
void check_out(const UserRecording& recording, const std::string& name, const at::Tensor& out) {
  const at::Tensor& rows = recording.rows();
  const bool fits = out.dim() == rows.dim() && out.size(0) == rows.size(0) && out.size(1) >= 1 &&
                    out.size(1) <= rows.size(1) && out.sizes().slice(2) == rows.sizes().slice(2);
  if (!fits)
    refuse(recording, fmt::format("{}: must have the input's shape {}, or fewer rows, got {}", name,
                                  shape_text(rows.sizes().vec()), shape_text(out.sizes().vec())));
}

/// Gradients after the inputs of projections are not those after query, key and value, which are judged; grad_out alone
/// says nothing.
void read_gradients(UserRecording& recording, const GradientReader& gradients) {
  const bool are_of_core = recording.heads() > 0 && !has_weights(recording);
  try {
    if (are_of_core) recording.gradients = gradients.read(recording.rows());
  } catch (const UsageError& error) {
    refuse(recording, error.what());
  }
  if (!recording.gradients.are_there())
    recording.unjudged.insert(recording.unjudged.end(), gradients.names().begin(), gradients.names().end());
}

}  // namespace

void validate(const UserRecording& recording) {
  check_inputs(recording);
  if (!recording.out.defined() && recording.rank_outs.empty())
    refuse(recording, "there is no tensor \"out\", and no \"out.rank0\" of a rank");
  if (recording.out.defined()) check_out(recording, "out", recording.out);
  for (const auto& [rank, out] : recording.rank_outs) check_out(recording, fmt::format("out.rank{}", rank), out);
  const auto lse_shape = std::vector<std::int64_t>{recording.batch(), recording.heads(), recording.seq_len()};
  if (recording.lse.defined() && recording.heads() > 0 && recording.lse.sizes() != at::IntArrayRef(lse_shape))
    refuse(recording, fmt::format("lse: must be (batch, heads, seq) = {}, got {}", shape_text(lse_shape),
                                  shape_text(recording.lse.sizes().vec())));
}

UserRecording read_user_recording(const std::string& path) {
  const SafetensorsFile file(path);
  UserRecording recording;
  GradientReader gradients;
  recording.path = path;
  for (const auto& [name, unused] : file.entries()) {
    if (!place(recording, gradients, name, file.tensor(name)))
      refuse(recording, "tensor \"" + name +
                            "\" is none that a recording has: query, key, value, x, weights and biases, mask, out, "
                            "out.rank0 …, lse, grad_out, dq, dk, dv, aux/mapping, aux/block_pattern");
  }
  validate(recording);
  read_gradients(recording, gradients);
  return recording;
}

}  // namespace ringattn
