DEPS := crypto crypto_null
