#pragma once

#include "legacy/catalogue.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Names under which released classes were imported, and what their constructors took: enough to tell from a source file
// which class is meant. Facts: the constructors at the commits that the catalogue names.

namespace ringattn::legacy {

/// One parameter of a constructor, in order.
struct SignatureParameter {
  std::string name;
  std::optional<std::string> standard;  ///< its default as JSON; none: it must be given
};

/// One released class under one name. Several rows may have one name: three RingDilatedAttentionV3, or an alias of a
/// package that meant another class in other releases.
struct ReleasedName {
  std::string_view name;       ///< what people import
  std::string_view alias;      ///< the catalogue's short name
  std::string_view module;     ///< where it was defined, from the package on: "ring.base.ring_dilated_attention_v3"
  std::string_view exports{};  ///< packages that handed it on, separated by spaces: "ring.base ring", "." the package
  bool takes_x = false;        ///< one x (batch, seq, embed) and projections of its own; else query, key, value
  /// "segment_lengths, dilation_rates, dropout=0.0, **": defaults are JSON, `null` None; ** takes any other keyword.
  std::string_view signature{};
};

/// Every name of every class, by name.
std::span<const ReleasedName> released_names();
/// Each name once.
std::vector<std::string> released_class_names();

std::vector<SignatureParameter> signature_of(const ReleasedName& name);
bool takes_any_keyword(const ReleasedName& name);

/// Which rows `name`, imported from `module` ("dilated_attention_pytorch.ring.base"; "" unknown), can mean: those
/// defined in that module, else those that it handed on or that lie below it, else all of that name. Empty: no such
/// class.
std::vector<const ReleasedName*> released_under(std::string_view name, std::string_view module);

/// The rows of `candidates` whose constructor takes that many positional arguments and all these keywords and asks for
/// no more; all of them where none does.
std::vector<const ReleasedName*> that_take(const std::vector<const ReleasedName*>& candidates, std::size_t positional,
                                           const std::vector<std::string>& keywords);

/// The catalogue's entry, or null where it has none.
const CatalogueEntry* entry_of(const ReleasedName& name);

}  // namespace ringattn::legacy
