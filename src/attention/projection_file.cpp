#include "attention/projection.h"
#include "attention/safetensors.h"
#include "config/error.h"

#include <ATen/ATen.h>

#include <array>
#include <string_view>

// Projection weights as recordings hold them.

namespace ringattn {
namespace {

/// Reads layers of one set of tensors, and checks each before it is used.
class LayerFile {
 public:
  explicit LayerFile(const TensorSet& set) : file_(set.file), prefix_(set.prefix) {}

  bool has(const std::string& layer) const { return file_.contains(prefix_ + layer + ".weight"); }

  /// `meaning` says in words what the shape should be: "(heads · head_dim, embed)".
  LinearLayer read(const std::string& layer, std::int64_t rows, std::int64_t columns, const std::string& meaning) const {
    LinearLayer result{tensor(layer + ".weight", {rows, columns}, meaning)};
    if (file_.contains(prefix_ + layer + ".bias"))
      result.bias = tensor(layer + ".bias", {rows}, "one number for each row of " + layer + ".weight");
    return result;
  }

 private:
  at::Tensor tensor(const std::string& name, const std::vector<std::int64_t>& shape, const std::string& meaning) const {
    const SafetensorsEntry& entry = file_.entry(prefix_ + name);
    const std::string who = file_.path() + ": tensor '" + prefix_ + name + "' has ";
    if (entry.shape != shape)
      throw UsageError(who + "shape " + shape_text(entry.shape) + ", must be " + shape_text(shape) + ": " + meaning);
    if (!at::isFloatingType(entry.dtype))
      throw UsageError(who + "dtype " + at::toString(entry.dtype) + ", must be a floating one");
    return file_.tensor(prefix_ + name);
  }

  SafetensorsFile file_;
  std::string prefix_;
};

std::string embed_words(const ProjectionSizes& sizes) {
  return "embed = heads · head_dim = " + std::to_string(sizes.heads) + " · " + std::to_string(sizes.head_dim) +
         " (-a heads=…, -a head_dim=…)";
}

/// Rows [first, first + count) of a layer.
LinearLayer part(const LinearLayer& layer, std::int64_t first, std::int64_t count) {
  return {layer.weight.narrow(0, first, count).contiguous(),
          layer.bias.defined() ? layer.bias.narrow(0, first, count).contiguous() : at::Tensor()};
}

}  // namespace

TensorSet tensor_set(const std::string& spec) {
  const std::size_t mark = spec.rfind('#');
  if (mark == std::string::npos) return {spec, ""};
  return {spec.substr(0, mark), "inputs/" + spec.substr(mark + 1) + "/"};
}

Projection file_projection(const std::string& spec, const ProjectionSizes& sizes) {
  const LayerFile file(tensor_set(spec));
  const std::int64_t embed = sizes.embed(), width = sizes.key_width();
  const std::string why = embed_words(sizes);
  const LinearLayer out = file.read("out_proj", embed, embed, why);
  if (!file.has("qkv_proj") && file.has("q_proj"))
    return {sizes, file.read("q_proj", embed, embed, why), file.read("k_proj", width, embed, why),
            file.read("v_proj", width, embed, why), out};
  const LinearLayer fused =
      file.read("qkv_proj", embed + 2 * width, embed, "query, key and value one under the other, " + why);
  return {sizes, part(fused, 0, embed), part(fused, embed, width), part(fused, embed + width, width), out};
}

}  // namespace ringattn
