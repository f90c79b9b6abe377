/** Keys of no use, which everything that is written is searched for. */
export const key = "sk-ant-api03-SENTINEL-0123456789";
export const adminKey = "sk-ant-admin01-SENTINEL-0123456789";
