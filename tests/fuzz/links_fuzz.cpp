#include "config/link.h"
#include "fuzz.h"

namespace ringattn::fuzz {
namespace {

/// links.json of a preset folder.
void examine(std::string_view text) {
  const auto links = value_or_refusal([&] { return links_from_json_text(text, "links.json"); }, "links.json: ");
  if (!links) return;
  require(!links->empty(), "a list of links has links");
  for (const Link& link : *links) {
    require(!link.source.empty(), "a link says where its numbers come from");
    for (const std::int64_t bytes : {std::int64_t{0}, std::int64_t{1}, std::int64_t{1} << 40})
      require(transfer_ns(link, bytes) >= 0, "a message takes no negative time");
  }
}

const Fuzzer registered("links", examine);

}  // namespace

}  // namespace ringattn::fuzz
