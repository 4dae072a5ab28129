#include "legacy/class_names.h"

#include <algorithm>

namespace ringattn::legacy {
namespace {

constexpr std::string_view package = "dilated_attention_pytorch";

/// The part behind the package: "ring.base"; "." for the package itself, "" where the package is not in it.
std::string_view within_package(std::string_view module) {
  const std::size_t at = module.find(package);
  if (at == std::string_view::npos) return "";
  const std::string_view rest = module.substr(at + package.size());
  return rest.empty() ? "." : rest.front() == '.' ? rest.substr(1) : "";
}

bool hands_on(const ReleasedName& row, std::string_view module) {
  std::string_view rest = row.exports;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    if (rest.substr(0, end) == module) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

bool is_below(const ReleasedName& row, std::string_view module) {
  return module == "." || (row.module.starts_with(module) && row.module.substr(module.size()).starts_with("."));
}

template <class Predicate>
std::vector<const ReleasedName*> kept(const std::vector<const ReleasedName*>& rows, const Predicate& predicate) {
  std::vector<const ReleasedName*> result;
  std::copy_if(rows.begin(), rows.end(), std::back_inserter(result), predicate);
  return result;
}

/// Splits at ", " outside brackets.
std::vector<std::string> parts_of(std::string_view signature) {
  std::vector<std::string> parts;
  std::string part;
  int depth = 0;
  for (const char c : signature) {
    depth += c == '[' ? 1 : c == ']' ? -1 : 0;
    if (c == ',' && depth == 0) {
      parts.push_back(std::move(part));
      part.clear();
    } else if (c != ' ' || !part.empty()) {
      part += c;
    }
  }
  if (!part.empty()) parts.push_back(std::move(part));
  return parts;
}

bool takes(const ReleasedName& row, std::size_t positional, const std::vector<std::string>& keywords) {
  const std::vector<SignatureParameter> signature = signature_of(row);
  if (positional > signature.size()) return false;
  const auto is_given = [&](const std::string& name) {
    return std::find(keywords.begin(), keywords.end(), name) != keywords.end();
  };
  for (std::size_t i = positional; i < signature.size(); ++i) {
    if (!signature[i].standard && !is_given(signature[i].name)) return false;
  }
  return takes_any_keyword(row) || std::all_of(keywords.begin(), keywords.end(), [&](const std::string& keyword) {
           return std::any_of(signature.begin(), signature.end(),
                              [&](const SignatureParameter& each) { return each.name == keyword; });
         });
}

}  // namespace

std::vector<std::string> released_class_names() {
  std::vector<std::string> names;
  for (const ReleasedName& row : released_names()) {
    if (names.empty() || names.back() != row.name) names.emplace_back(row.name);
  }
  return names;
}

std::vector<SignatureParameter> signature_of(const ReleasedName& name) {
  std::vector<SignatureParameter> result;
  for (const std::string& part : parts_of(name.signature)) {
    if (part == "**") continue;
    const std::size_t equals = part.find('=');
    if (equals == std::string::npos) {
      result.push_back({part, std::nullopt});
    } else {
      result.push_back({part.substr(0, equals), part.substr(equals + 1)});
    }
  }
  return result;
}

bool takes_any_keyword(const ReleasedName& name) { return name.signature.ends_with("**"); }

std::vector<const ReleasedName*> released_under(std::string_view name, std::string_view module) {
  std::vector<const ReleasedName*> all;
  for (const ReleasedName& row : released_names()) {
    if (row.name == name) all.push_back(&row);
  }
  const std::string_view inner = within_package(module);
  if (inner.empty()) return all;
  auto found = kept(all, [&](const ReleasedName* row) { return row->module == inner; });
  if (found.empty()) found = kept(all, [&](const ReleasedName* row) { return hands_on(*row, inner); });
  if (found.empty()) found = kept(all, [&](const ReleasedName* row) { return is_below(*row, inner); });
  return found.empty() ? all : found;
}

std::vector<const ReleasedName*> that_take(const std::vector<const ReleasedName*>& candidates, std::size_t positional,
                                           const std::vector<std::string>& keywords) {
  const auto found = kept(candidates, [&](const ReleasedName* row) { return takes(*row, positional, keywords); });
  return found.empty() ? candidates : found;
}

const CatalogueEntry* entry_of(const ReleasedName& name) {
  for (const CatalogueEntry& entry : catalogue()) {
    const bool is_alias = std::find(entry.aliases.begin(), entry.aliases.end(), name.alias) != entry.aliases.end();
    if (entry.name == name.alias || is_alias) return &entry;
  }
  return nullptr;
}

}  // namespace ringattn::legacy
