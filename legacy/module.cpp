#include "legacy/module.h"

#include "legacy/class_names.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <string_view>

namespace ringattn::legacy {
namespace {

using Tensors = std::map<std::string, at::Tensor, std::less<>>;

/// It takes query, key and value, reads the query alone and projects that, with one module for each pair.
constexpr std::string_view kProjectsQuery = "hilbert_core_fixed";
/// It has projections around a module that has projections.
constexpr std::string_view kModuleInModule = "hilbert_triton_wrapper";

void add_layers(Tensors& tensors, const NamedLayers& layers, const std::string& prefix, at::ScalarType dtype) {
  for (const auto& [name, tensor] : layers) tensors[prefix + name] = tensor.to(dtype);
}

void add_identities(Tensors& tensors, const at::Tensor& x) {
  const at::Tensor eye = at::eye(x.size(2) * x.size(3), x.options());
  for (const char* layer : {"q_proj", "k_proj", "v_proj", "out_proj"}) tensors[std::string(layer) + ".weight"] = eye;
}

void add_layer_norms(Tensors& tensors, const at::Tensor& x) {
  const std::int64_t embed = x.size(2) * x.size(3);
  for (const auto& [name, size] : {std::pair<const char*, std::int64_t>{"q_ln", embed},
                                   {"k_ln", embed},
                                   {"q_norm", x.size(3)},
                                   {"k_norm", x.size(3)}}) {
    tensors[std::string(name) + ".weight"] = at::ones({size}, x.options());
    tensors[std::string(name) + ".bias"] = at::zeros({size}, x.options());
  }
}

bool knows_one_pair(const CatalogueEntry& entry) {
  for (const ReleasedName& name : released_names()) {
    if (name.alias == entry.name) return name.signature.find("segment_size") != std::string_view::npos;
  }
  return false;
}

bool has_layer_norm(const CatalogueEntry& entry) {
  for (const ReleasedName& name : released_names()) {
    if (name.alias == entry.name) return name.signature.find("layer_norm=true") != std::string_view::npos;
  }
  return false;
}

}  // namespace

bool is_module(const CatalogueEntry& entry) { return entry.takes != Takes::qkv || entry.name == kProjectsQuery; }

ReleasedInputs module_inputs(const CatalogueEntry& entry, const at::Tensor& x, const NamedLayers& layers,
                             std::size_t pairs) {
  const at::ScalarType dtype = x.scalar_type();
  const bool keeps_heads = entry.name == kProjectsQuery || entry.name == kModuleInModule;
  const auto given = [&] { return keeps_heads ? x.clone() : x.flatten(2).clone(); };
  Tensors tensors;
  if (entry.takes == Takes::x) {
    tensors["x"] = given();
  } else {
    for (const char* name : {"query", "key", "value"}) tensors[name] = given();
  }
  add_layer_norms(tensors, x);
  if (entry.name == kModuleInModule) {
    add_identities(tensors, x);
    add_layers(tensors, layers, "attention.", dtype);
  } else {
    add_layers(tensors, layers, "", dtype);
  }
  if (entry.name == kProjectsQuery) {
    for (std::size_t i = 0; i < pairs; ++i)
      add_layers(tensors, layers, "hilbert_modules." + std::to_string(i) + ".", dtype);
  }
  return ReleasedInputs(std::move(tensors));
}

Json module_arguments(const std::vector<Pair>& pairs, std::int64_t heads, std::int64_t head_dim) {
  Json arguments = {{"embed_dim", heads * head_dim}, {"hidden_dim", heads * head_dim}, {"num_heads", heads},
                    {"head_dim", head_dim},          {"layer_norm", false}};
  if (!pairs.empty()) {
    arguments["segment_size"] = pairs.front().segment_length;
    arguments["dilation_rate"] = pairs.front().dilation_rate;
  }
  return arguments;
}

std::vector<std::string> module_remarks(const CatalogueEntry& entry, std::size_t pairs) {
  if (!is_module(entry)) return {};
  const std::string name(entry.name);
  std::vector<std::string> remarks{name + " as released is a module: its peak bytes and times include projections, " +
                                   "those of the new one are of the attention alone"};
  if (has_layer_norm(entry)) remarks.push_back(name + " is called with layer_norm=false, as the new one has none");
  if (pairs > 1 && knows_one_pair(entry)) remarks.push_back(name + " knew one segment length; the first pair is taken");
  return remarks;
}

}  // namespace ringattn::legacy
