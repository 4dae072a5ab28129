#include "comm/process_card.h"

#include <sstream>

namespace ringattn {

std::string ProcessCard::to_text() const { return url + "\n" + token + "\n" + host + "\n" + memory; }

ProcessCard ProcessCard::from_text(const std::string& text) {
  std::istringstream in(text);
  ProcessCard card;
  std::getline(in, card.url);
  std::getline(in, card.token);
  std::getline(in, card.host);
  std::getline(in, card.memory, '\0');
  return card;
}

}  // namespace ringattn
