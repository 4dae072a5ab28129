#pragma once

#include <string>

namespace ringattn {

/// The address of this host that packets to `host` leave by; no packet is sent to find out. UsageError (MASTER_ADDR)
/// where it is no host, RuntimeFailure where no way leads there.
std::string address_towards(const std::string& host);

}  // namespace ringattn
