#include "comm/host_address.h"

#include "config/error.h"

#include <array>
#include <memory>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

namespace ringattn {

std::string address_towards(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), "9", &hints, &found); error != 0)
    throw UsageError("MASTER_ADDR: \"" + host + "\" is no host: " + gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, freeaddrinfo);
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    const int probe = socket(each->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (probe < 0) continue;
    sockaddr_storage own{};
    socklen_t length = sizeof(own);
    const bool is_known = connect(probe, each->ai_addr, each->ai_addrlen) == 0 &&
                          getsockname(probe, reinterpret_cast<sockaddr*>(&own), &length) == 0;
    ::close(probe);
    std::array<char, NI_MAXHOST> name{};
    if (is_known && getnameinfo(reinterpret_cast<sockaddr*>(&own), length, name.data(), name.size(), nullptr, 0,
                                NI_NUMERICHOST) == 0)
      return name.data();
  }
  throw RuntimeFailure("MASTER_ADDR: no way leads from here to \"" + host + "\"");
}

}  // namespace ringattn
