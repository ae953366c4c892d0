#pragma once

#include "base/json.h"
