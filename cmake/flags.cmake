# SPDX-License-Identifier: Apache-2.0
# Compiler and linker flags of the whole tree: the warnings are part of the
# house style, the hardening part of the threat model.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

add_compile_definitions(_GNU_SOURCE MOTE_VERSION="${PROJECT_VERSION}")
add_compile_options(
	-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
	-Wimplicit-fallthrough -Wswitch-enum -Wvla -Wformat=2
	-fstack-protector-strong -fno-strict-aliasing
)
if(MOTE_WERROR)
	add_compile_options(-Werror)
endif()
if(CMAKE_BUILD_TYPE MATCHES "Release|RelWithDebInfo")
	add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
		-ffunction-sections -fdata-sections)
	add_link_options(-Wl,--gc-sections)
endif()
add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack)

if(MOTE_SANITIZE)
	add_compile_options(-fsanitize=${MOTE_SANITIZE}
		-fno-omit-frame-pointer -fno-sanitize-recover=all)
	add_link_options(-fsanitize=${MOTE_SANITIZE})
	if(MOTE_SANITIZE STREQUAL "thread" AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
		# Fences are invisible to this sanitizer. The rings need them
		# and their peer is another process, so nothing is missed.
		add_compile_options(-Wno-tsan)
	endif()
endif()

if(MOTE_FUZZ)
	# What libFuzzer goes by: which branches an input has taken.
	add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# mote_static_executable(TARGET): link TARGET as static-pie, so that a jail
# needs this one file and nothing else.
function(mote_static_executable target)
	if(MOTE_STATIC AND NOT MOTE_SANITIZE)
		target_compile_options(${target} PRIVATE -fPIE)
		target_link_options(${target} PRIVATE -static-pie)
	endif()
endfunction()
