#pragma once

#include "attention/defect.h"
#include "attention/interface.h"
#include "attention/safetensors.h"
#include "config/json.h"
#include "config/ring_attention_config.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ringattn {

/// The old implementation that --old names, as `compare` and `bench` need it. In a build without legacy/ nobody can be
/// found.
class OldSide {
 public:
  virtual ~OldSide() = default;
  virtual std::string id() const = 0;             ///< the catalogue's name: "v2"
  virtual std::string function_name() const = 0;  ///< of what it is meant to compute: "dilated_keys"
  virtual std::string deprecation() const = 0;    ///< one line, with version and target
  /// UsageError; Unavailable for a released class and a problem that it knew nothing of. `layers`: for a module (see
  /// is_module), which is given x in the place of query, key and value and projects it itself.
  virtual std::unique_ptr<Attention> make(const Problem& problem, int ranks, const NamedTensors& layers) const = 0;
  std::unique_ptr<Attention> make(const Problem& problem, int ranks) const { return make(problem, ranks, {}); }
  /// Whether what runs is a module that has projections of its own: a released class of which that is so.
  virtual bool is_module() const = 0;
  /// What a reader must know about how such a module is called; sentences.
  virtual std::vector<std::string> remarks() const = 0;
  /// Lists of defects that may explain the released code, likeliest first.
  virtual std::vector<Defects> defects(int ranks, bool is_causal, bool is_masked) const = 0;
  /// The new configuration that computes the intended function; none where there is none.
  virtual std::optional<RingAttentionConfig> preserving_config() const = 0;
  virtual std::string condition() const = 0;  ///< when that holds
  /// What the released class dropped in training besides weights, which nothing can repeat; "" for nothing.
  virtual std::string extra_dropout() const = 0;
  /// Why the released class has no single answer on that many ranks; "" where it has one.
  virtual std::string undefined_as_shipped(int ranks) const = 0;
};

struct OldSideOptions {
  std::vector<std::int64_t> segment_lengths{};
  std::vector<std::int64_t> dilation_rates{};
  bool as_shipped = false;
  double dropout = 0.0;  ///< of weights, in training
  std::optional<double> softmax_scale{};
  std::optional<std::int64_t> ring_size{};  ///< as shipped only
  Json constructor = Json::object();        ///< as shipped only: further arguments of the constructor
};
/// The arguments that a configuration has for an old class.
OldSideOptions old_side_options(const RingAttentionConfig& config, bool as_shipped = false);

/// "all", or a glob such as "v2*": several entries.
bool is_old_family(const std::string& name);

/// By name, alias or class name. UsageError with the nearest names; Unavailable for a recording (FILE.safetensors) and
/// in a build without legacy/.
std::unique_ptr<OldSide> find_old_side(const std::string& name, const OldSideOptions& options);

// catalogue_side.cpp, or without_legacy.cpp in a build without legacy/:

/// find_old_side for names of the catalogue alone.
std::unique_ptr<OldSide> find_catalogue_side(const std::string& name, const OldSideOptions& options);
/// Names of the entries that a glob or "all" means. UsageError where nothing matches.
std::vector<std::string> old_family(const std::string& pattern);
/// Whether the name is one of the old implementations (so that `bench` can tell old from new).
bool is_old_name(const std::string& name);

}  // namespace ringattn
