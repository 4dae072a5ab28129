#pragma once

#include "config/workload.h"

#include <string>
#include <string_view>
#include <vector>

namespace ringattn {

// -a NAME=SPEC redefines one axis of a workload.
//
//   seq_len=4096                one value
//   seq_len=1024,4096           a list; seq_len=[1024,4096] is the same
//   seq_len=[1024:8192:1024]    from, to (inclusive), step (1 when left out)
//   seq_len[pow2]=[12:20:2]     powers of two: 2^12, 2^14, …, 2^20; lists and single values too
//   dtype=fp32,bf16             names: fp32, bf16, fp16, fp64
//   is_causal=true,false
//   kv_heads=0,2                integers; 0: as many as heads
//   window=none,256,256:0       see window.h
//   documents=none,3,0:100:4096 see documents.h
//   mask=none,padding,random    see mask_names(); or a file's name ending in .safetensors

/// At most so many values on one axis: a slip in a range must not become a million cases.
constexpr std::size_t axis_values_max = 4096;

struct AxisInfo {
  std::string name;
  std::string values;  ///< what may stand on the right, in words
  std::string summary;
};
/// batch, seq_len, heads, head_dim, dtype, is_causal, ranks, kv_heads, window, documents, mask.
const std::vector<AxisInfo>& workload_axes();

/// What may stand for a mask besides a file: none; those that are generated (padding, random, alibi); and inputs, the
/// tensor `mask` of the file that holds query, key and value.
const std::vector<std::string>& mask_names();
/// Refuses what is neither a mask's name nor a name that ends in .safetensors. Throws UsageError "<field>: …".
std::string parse_mask(std::string_view text, const std::string& field);

/// Reads one NAME=SPEC and replaces that axis. Throws UsageError "<source> <text>: …" naming axis, spec and what would
/// be right; `source` is "-a" or the environment variable. Returns the axis name.
std::string apply_axis(Workload& workload, std::string_view text, const std::string& source);

/// The axis's values as JSON: `[1024,4096]`.
std::string axis_values(const Workload& workload, std::string_view axis);

}  // namespace ringattn
